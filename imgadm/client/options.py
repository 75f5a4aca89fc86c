"""The options of all requests of one run, as plain data."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import ConfigError
from imgadm.base.settings import patience

if TYPE_CHECKING:
    from imgadm.base.files.cache import Cache
    from imgadm.streams.http.retries import RetryPolicy

_RETRY_SECONDS = 15.0
"""Seconds after the first attempt during which further ones may begin."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The notice that a request to ``url`` failed for ``reason``, and is made again.

    The next attempt begins in ``delay`` seconds. ``attempt`` is the number of failures so far.
    """

    url: str
    reason: str
    attempt: int
    delay: float


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """The identity, time limits and trusted certificates of a client of image sources.

    Times are in seconds. If ``request_id`` is empty, the environment gives the id, or it is random.
    ``ca_bundle`` is a file or folder of certificates to trust instead of the usual ones. ``cache``
    keeps lists of images. ``mirrors`` is the setting of that name, by registry.

    ``on_retry`` is called for every request that will be made again, on the thread that waits. With
    each request, ``on_unchecked`` is called with a host whose certificate is not checked, and
    ``on_exposed`` with a host to which a password or token goes unencrypted. ``on_shared_secret``
    is called with a sentence about each file of credentials that other users can read.
    """

    request_id: str = ""
    user_agent_extra: str = ""
    ca_bundle: str | None = None
    connect_timeout: float = 15
    read_timeout: float = 60
    retry_delays: tuple[float, ...] = (1, 2, 4)
    on_retry: Callable[[Retry], None] | None = None
    on_unchecked: Callable[[str], None] | None = None
    on_exposed: Callable[[str], None] | None = None
    on_shared_secret: Callable[[str], None] | None = None
    cache: Cache | None = None
    mirrors: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def within_patience(self, seconds: float) -> float:
        """Return ``seconds``, or the seconds of ``IMGADM_PATIENCE`` if they are fewer."""
        allowed = patience(self.environment)
        return seconds if allowed is None else min(seconds, allowed)

    def retries(self) -> RetryPolicy:
        """Return the policy for failed requests; ``IMGADM_CONNECT_RETRIES`` caps the repeats.

        With ``IMGADM_PATIENCE`` there is only one attempt. Raises :class:`ConfigError` for a cap
        that is no number.
        """
        from imgadm.streams.http.retries import RetryPolicy

        return RetryPolicy(self._delays(), seconds=_RETRY_SECONDS)

    def _delays(self) -> tuple[float, ...]:
        if patience(self.environment) is not None:
            return ()
        cap = self.environment.get("IMGADM_CONNECT_RETRIES", "")
        if not cap:
            return self.retry_delays
        if not (cap.isascii() and cap.isdigit()):
            raise ConfigError(f'IMGADM_CONNECT_RETRIES is "{cap}", a number was expected')
        return self.retry_delays[: int(cap[:9])]
