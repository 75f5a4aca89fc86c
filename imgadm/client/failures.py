"""Failures of requests as errors of a source."""

from __future__ import annotations

from imgadm.client.errors import SourceError, UnreachableError, UnusableReplyError
from imgadm.streams.http.failures import address_of, failure_of


def source_error(source: str, error: Exception, url: str, proxy: str | None = None) -> SourceError:
    """Return what ``error``, which ended a request for ``url`` to ``source``, means.

    ``proxy`` is the one that the request went through. After a redirect the error names the address
    that failed.
    """
    failure = failure_of(error)
    reason = failure.spelled
    if failure.proxied and proxy:
        reason += f" (proxy {proxy})"
    at = failure.address
    if at is not None and at != address_of(url):
        reason += f" (redirected to {at})"
    if failure.answered or failure.code is None:
        return UnusableReplyError(source, reason, cause=error)
    return UnreachableError(
        source,
        reason,
        code=failure.code,
        permanent=failure.permanent,
        unsent=failure.unsent,
        cause=error,
    )
