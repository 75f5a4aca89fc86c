"""Exceptions of ``requests`` as errors of a source, with the system's name for what happened."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator

import requests
import urllib3

from imgadm.redaction import redact_text
from imgadm.sources.errors import SourceError, UnreachableError, UnusableReplyError
from imgadm.sources.session import MAX_REDIRECTS, RefusedRedirectError
from imgadm.text import printable

_CERTIFICATE_CODES = {
    10: "CERT_HAS_EXPIRED",
    18: "DEPTH_ZERO_SELF_SIGNED_CERT",
    19: "SELF_SIGNED_CERT_IN_CHAIN",
    20: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    21: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    62: "ERR_TLS_CERT_ALTNAME_INVALID",
    64: "ERR_TLS_CERT_ALTNAME_INVALID",
}
"""By verify codes of OpenSSL's x509_vfy.h; the names are those that the first imgadm shows."""


def source_error(url: str, error: Exception, proxy: str | None = None) -> SourceError:
    """Return what ``error``, which ended a request to the source ``url``, means for an operator.

    ``proxy`` is the one that the request went through.
    """
    if isinstance(error, RefusedRedirectError):
        return UnusableReplyError(url, str(error), cause=error)
    if isinstance(error, requests.TooManyRedirects):
        return UnusableReplyError(url, f"more than {MAX_REDIRECTS} redirects", cause=error)
    if isinstance(error, requests.exceptions.InvalidURL):
        return UnusableReplyError(url, f"not an address: {_first_line(error)}", cause=error)
    if isinstance(error, ValueError):
        return UnusableReplyError(
            url, f"the reply makes no sense: {_first_line(error)}", cause=error
        )

    chain = list(_causes(error))
    code, detail, permanent = _system_error(chain)
    connecting = any(
        isinstance(
            link,
            (
                urllib3.exceptions.NewConnectionError,
                urllib3.exceptions.ConnectTimeoutError,
                urllib3.exceptions.ProxyError,
            ),
        )
        for link in chain
    )
    step = "getaddrinfo" if code == "ENOTFOUND" else "connect" if connecting else "read"
    reason = detail or f"{step} {code}"
    if proxy and any(isinstance(link, urllib3.exceptions.ProxyError) for link in chain):
        reason += f" (proxy {proxy})"
    unsent = connecting or code == "ENOTFOUND" or permanent
    return UnreachableError(url, reason, code=code, permanent=permanent, unsent=unsent, cause=error)


def _system_error(chain: list[BaseException]) -> tuple[str, str | None, bool]:
    """Return the code, a text where the code alone says too little, and whether it will last."""
    for link in chain:
        if isinstance(link, ssl.SSLCertVerificationError):
            code = _CERTIFICATE_CODES.get(link.verify_code, "CERT_UNTRUSTED")
            return code, f"certificate not trusted: {link.verify_message} ({code})", True
        if isinstance(link, socket.gaierror):
            return "ENOTFOUND", None, False
    for link in chain:
        timeouts = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
        if isinstance(link, timeouts) and not isinstance(
            link, urllib3.exceptions.NewConnectionError
        ):
            return "ETIMEDOUT", None, False
        if isinstance(link, ssl.SSLError):
            return "EPROTO", f"TLS failed: {_tls_reason(link)}", True
        if isinstance(link, OSError) and link.errno is not None and link.errno in errno.errorcode:
            return errno.errorcode[link.errno], None, False
        if isinstance(link, urllib3.exceptions.IncompleteRead):
            return "ECONNRESET", "the connection was cut in the middle of a reply", False
    return "ECONNRESET", f"no valid HTTP reply: {_first_line(chain[-1])}", False


def _tls_reason(error: ssl.SSLError) -> str:
    if error.reason == "WRONG_VERSION_NUMBER":
        return f"{error.reason}; the server may speak plain http only"
    return error.reason or _first_line(error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        link = queue.pop(0)
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            queue += [getattr(link, "reason", None), *link.args, link.__cause__]
            queue.append(link.__context__)


def _first_line(error: BaseException) -> str:
    text = str(error).partition("\n")[0][:200] or type(error).__name__
    return printable(redact_text(text))
