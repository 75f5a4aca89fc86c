"""Serve images to other hosts until told to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

from imgadm.serve import ImageServer


def serve(server: ImageServer, on_ready: Callable[[], None] | None = None) -> signal.Signals:
    """Serve until SIGINT or SIGTERM arrives, and return which. Call it on the main thread.

    ``on_ready`` is called when requests are answered. Transfers under way are cut.
    """
    stop = threading.Event()
    received: list[int] = []

    def on_signal(number: int, _frame: object) -> None:
        received.append(number)
        stop.set()

    previous = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with server:
            if on_ready:
                on_ready()
            stop.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return signal.Signals(received[0])
