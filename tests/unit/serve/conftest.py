"""A folder of images, served."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imgadm.serve import AccessRecord, FolderCatalogue, ImageServer, SkippedPair

UUID = "3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0001"
CONTENT = bytes(range(256)) * 40


def manifest(uuid: str = UUID, **fields: Any) -> dict[str, Any]:
    base = {"v": 2, "uuid": uuid, "name": "foo", "version": "1", "type": "zvol", "os": "linux"}
    return base | fields


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "foo.json").write_text(json.dumps(manifest(zebra=[1])))
    (tmp_path / "foo.zvol").write_bytes(CONTENT)
    return tmp_path


@pytest.fixture
def skipped() -> list[SkippedPair]:
    return []


@pytest.fixture
def accesses() -> list[AccessRecord]:
    return []


@pytest.fixture
def server(
    folder: Path, skipped: list[SkippedPair], accesses: list[AccessRecord]
) -> Iterator[ImageServer]:
    catalogue = FolderCatalogue(folder, skipped.append)
    with ImageServer(catalogue, port=0, on_access=accesses.append, idle_timeout=5) as running:
        yield running


@pytest.fixture
def raw(server: ImageServer) -> Callable[[bytes], bytes]:
    """Send bytes on a new connection and return all that comes back until it ends."""

    def exchange(request: bytes) -> bytes:
        with socket.create_connection((server.host, server.port), timeout=30) as connection:
            try:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            received = b""
            try:
                while block := connection.recv(65536):
                    received += block
            except ConnectionError:
                pass
            return received

    return exchange


@pytest.fixture
def sha1() -> Callable[[bytes], str]:
    return lambda data: hashlib.sha1(data).hexdigest()


@pytest.fixture
def packed() -> bytes:
    return gzip.compress(CONTENT)
