"""The connections that a server serves, and the choice of those that make room for new ones."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable

from imgadm.serve.http.pace import Pace

SETTLING_SECONDS = 0.5
"""The time in seconds for which a new connection may wait before it makes room for others."""

_POLL_SECONDS = 0.1


class ServedConnection:
    """A connection of a client at ``address``, an IP address.

    The client may be silent for ``patience`` seconds; ``clock`` returns seconds. ``client`` is what
    all addresses of this client have in common, empty for this host.
    """

    def __init__(
        self,
        connection: socket.socket,
        address: str,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.connection = connection
        self.address = address
        self.client = _client(address)
        self.pace = Pace(patience, clock)
        self._clock = clock
        self._waiting_since: float | None = clock()
        self._is_cut = False

    def awaits_request(self) -> None:
        """Note that the next request is due."""
        self._waiting_since = self._clock()

    def is_answering(self) -> None:
        """Note that a request has arrived and is being answered."""
        self._waiting_since = None

    def wait(self, event: threading.Event, seconds: float | None) -> bool:
        """Wait for ``event`` for at most ``seconds``; return whether it came in time.

        Meanwhile the connection makes room for another one as if the client were silent. Raises
        :class:`ConnectionAbortedError` when it has.
        """
        deadline = None if seconds is None else self._clock() + seconds
        self.awaits_request()
        while not (came := event.wait(_POLL_SECONDS)):
            if self._is_cut:
                raise ConnectionAbortedError(
                    errno.ECONNABORTED, "the server has ended it to make room"
                )
            if deadline is not None and self._clock() > deadline:
                break
        self.is_answering()
        return came

    def idle_seconds(self) -> float | None:
        """Return for how long the next request is due; ``None`` while one is being answered."""
        since = self._waiting_since
        return None if since is None else self._clock() - since

    def cut(self) -> None:
        """End the connection, whatever its thread waits for; that thread closes it."""
        self._is_cut = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class Connections:
    """The connections of a server, at most ``limit`` of them.

    One client may have at most ``client_limit``, unless it is on this host.
    """

    def __init__(self, limit: int, client_limit: int) -> None:
        self._limit = limit
        self._client_limit = client_limit
        self._lock = threading.Lock()
        self._threads: dict[ServedConnection, threading.Thread] = {}

    def add(self, served: ServedConnection, thread: threading.Thread) -> None:
        """Keep ``served``, which ``thread`` serves."""
        with self._lock:
            self._threads[served] = thread

    def discard(self, served: ServedConnection) -> None:
        """Forget ``served``."""
        with self._lock:
            self._threads.pop(served, None)

    def all(self) -> dict[ServedConnection, threading.Thread]:
        """Return the connections and their threads."""
        with self._lock:
            return dict(self._threads)

    def has_room(self) -> bool:
        """Tell whether there is room for one more connection; if not, try to end one that hangs."""
        with self._lock:
            return len(self._threads) < self._limit or self._cut_one(None)

    def has_room_for(self, client: str) -> bool:
        """Tell whether ``client`` may have one more connection; if not, try to end one of it."""
        if not client:
            return True
        with self._lock:
            count = sum(served.client == client for served in self._threads)
            return count < self._client_limit or self._cut_one(client)

    def make_room(self) -> None:
        """End a connection that hangs, if there is one."""
        with self._lock:
            self._cut_one(None)

    def _cut_one(self, client: str | None) -> bool:
        """End one connection, of ``client`` if one is named; return false if none can be ended.

        Connections that wait for a request come first, then those that hardly move. Of these it
        ends one of the client that has most of them, namely the one that has waited longest.
        """
        mine = [one for one in self._threads if client is None or one.client == client]
        waiting = [(one, one.idle_seconds()) for one in mine]
        idle = {one: time for one, time in waiting if time and time >= SETTLING_SECONDS}
        chosen = idle or {one: 0.0 for one, time in waiting if time is None and one.pace.is_slow()}
        if not chosen:
            return False
        counts = Counter(one.client for one in chosen)
        victim = max(chosen, key=lambda one: (counts[one.client], chosen[one]))
        del self._threads[victim]
        victim.cut()
        return True


def _client(address: str) -> str:
    """Return what all addresses of one client have in common; empty for this host.

    This host has no limit of its own: a web server on it has many clients.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    if ip.is_loopback:
        return ""
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))
