"""A request, as a connection hands it to the program that answers it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from imgadm.serve.http.replies import Reply
from imgadm.serve.http.request_body import RequestBody
from imgadm.serve.http.request_head import RequestHead


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request whose head has arrived; its ``body`` is read when the program asks for it.

    A program that has to wait long for an event calls ``wait`` with that event and the most
    seconds, ``None`` for no limit. It tells whether the event came. Meanwhile the connection makes
    room for others as if the client were silent; ``wait`` raises :class:`ConnectionAbortedError`
    when it has.
    """

    head: RequestHead
    body: RequestBody
    wait: Callable[[threading.Event, float | None], bool]


Responder = Callable[[HttpRequest], Reply]
"""A function that answers a request, on the thread of its connection.

It may raise :class:`imgadm.serve.http.replies.HttpError`, whose reply is sent then. For any other
error the client gets a reply without details.
"""
