"""Installed images as a catalogue: a stream is read once for its digests, while others go on."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from imgadm.operations.hosting.host_images import InstalledCatalogue
from imgadm.pools.images import InstalledImage
from imgadm.pools.sending import MadeStream, StoredStream
from imgadm.serve import GeneratedBytes, StoredBytes

DISK, STREAM, LAYER = (f"{number}d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0001" for number in (1, 2, 3))
CONTENT = b"content" * 1000


class OnePool:
    """As much of a pool as a catalogue asks for. Reading the disk waits for ``go_on``."""

    name = "pool"

    def __init__(self, layer: Path) -> None:
        self.layer = layer
        self.reading = threading.Event()
        self.go_on = threading.Event()
        self.sent: list[str] = []

    def images(self) -> list[InstalledImage]:
        return [InstalledImage({"uuid": one, "name": "x"}, "pool") for one in (DISK, STREAM, LAYER)]

    def get(self, uuid: str) -> InstalledImage | None:
        return next((image for image in self.images() if image.uuid == uuid), None)

    def send(self, image: InstalledImage) -> Any:
        self.sent.append(image.uuid)
        if image.uuid == LAYER:
            return StoredStream(self.layer.open("rb", buffering=0))
        return MadeStream(self.chunks(image.uuid), repeatable=image.uuid == DISK)

    def sent_compression(self, image: InstalledImage) -> str:
        return "none"

    def chunks(self, uuid: str) -> Generator[memoryview, None, None]:
        if uuid == DISK:
            self.reading.set()
            assert self.go_on.wait(30)
        yield memoryview(CONTENT)


@pytest.fixture
def pool(tmp_path: Path) -> OnePool:
    (tmp_path / "layer").write_bytes(CONTENT)
    return OnePool(tmp_path / "layer")


@pytest.fixture
def catalogue(pool: OnePool) -> InstalledCatalogue:
    opened: Any = [pool]
    return InstalledCatalogue(lambda: opened)


def entry(catalogue: InstalledCatalogue, uuid: str) -> dict[str, Any]:
    image = catalogue.find(uuid)
    assert image is not None
    return dict(image.manifest["files"][0])


def test_nobody_waits_while_a_disk_is_read(pool: OnePool, catalogue: InstalledCatalogue) -> None:
    found: list[dict[str, Any]] = []
    waiting = [
        threading.Thread(target=lambda: found.append(entry(catalogue, DISK))) for _ in range(3)
    ]
    for thread in waiting:
        thread.start()
    assert pool.reading.wait(30)
    sha1 = hashlib.sha1(CONTENT).hexdigest()
    promised = {"compression": "none", "sha1": sha1, "size": len(CONTENT)}
    assert entry(catalogue, LAYER) == promised
    assert entry(catalogue, STREAM) == {"compression": "none"}
    assert len(catalogue.images()) == 3
    assert found == []
    pool.go_on.set()
    for thread in waiting:
        thread.join()
    assert found == [promised] * 3
    assert pool.sent.count(DISK) == 1


def test_md5_of_what_is_the_same_every_time(pool: OnePool, catalogue: InstalledCatalogue) -> None:
    pool.go_on.set()
    md5 = hashlib.md5(CONTENT).digest()
    for uuid, wanted in ((DISK, md5), (STREAM, None), (LAYER, md5)):
        image = catalogue.find(uuid)
        assert image is not None
        source = image.open_file()
        if isinstance(source, StoredBytes):
            assert source.md5(0.0) == wanted
        else:
            assert isinstance(source, GeneratedBytes)
            assert source.md5 == wanted
        source.close()
