"""What all requests of one run have in common, as plain data."""

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

RETRY_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Retry:
    """A request to ``url`` failed for ``reason`` and runs again in ``delay`` seconds.

    ``attempt`` counts the failures so far, from 1.
    """

    url: str
    reason: str
    attempt: int
    delay: float


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Identity, patience and trust of a client of image sources.

    Times are seconds. ``request_id`` is taken from the environment or made up if empty.
    ``ca_bundle`` is a file (or folder) of certificates to trust instead of the usual ones.
    ``on_retry`` hears of every request that is about to be repeated, on the thread that waits,
    ``on_unchecked`` of every host whose certificate nobody checks, ``on_exposed`` of every host
    that is about to get a password or token that can be read on its way, both with each request,
    and ``on_shared_secret`` gets a sentence about each file of credentials that others can read.
    ``cache`` keeps lists of images. ``mirrors`` is the setting of that name, by registry.
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
        """Return ``seconds``, or what ``IMGADM_PATIENCE`` allows for an answer if that is less."""
        allowed = patience(self.environment)
        return seconds if allowed is None else min(seconds, allowed)

    def retries(self) -> RetryPolicy:
        """Return how requests are made again; ``IMGADM_CONNECT_RETRIES`` caps how often.

        Where patience is limited they are not.
        """
        from imgadm.streams.http.retries import RetryPolicy

        return RetryPolicy(self._delays(), seconds=RETRY_SECONDS)

    def _delays(self) -> tuple[float, ...]:
        if patience(self.environment) is not None:
            return ()
        cap = self.environment.get("IMGADM_CONNECT_RETRIES", "")
        if not cap:
            return self.retry_delays
        if not (cap.isascii() and cap.isdigit()):
            raise ConfigError(f'IMGADM_CONNECT_RETRIES is "{cap}", a number was expected')
        return self.retry_delays[: int(cap[:9])]
