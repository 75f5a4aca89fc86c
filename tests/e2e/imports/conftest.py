"""A host, and servers that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .host import Host
from .images import Image
from .server import Behaviour, Server

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
