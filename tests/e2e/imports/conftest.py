"""A host, and servers that end with the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .host import Host
from .images import Image, sample_image
from .server import Behaviour, Server, serve_bytes, stall_after

Serve = Callable[..., Server]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    yield made
    made.end()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server of images, with what it does otherwise by path."""
    with ExitStack() as running:

        def start(
            *images: Image, special: dict[str, Behaviour | list[Behaviour]] | None = None
        ) -> Server:
            return running.enter_context(Server(images, special))

        yield start


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def stalling(serve: Serve, released: threading.Event) -> Server:
    """Serves one half of the file, and nothing more until ``released``; then all of it."""
    image = sample_image("zvol-full")
    first = stall_after(len(image.data) // 2, image.data, released)
    file = f"/images/{image.uuid}/file"
    return serve(image, special={file: [first, serve_bytes(image.data)]})
