"""The images that are imported: one zvol stream in every compression.

Made once for each size, which takes minutes for 600 MB, and kept under ``.cache/bench``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.subjects.disk_image import make_disk, repeat_disk
from imgadm._native import VolumeStreamWriter
from imgadm.base.compressions import COMPRESSION_FORMATS

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "bench"

FULL = 600_000_000
"""Sizes, in bytes of the stream, about: of a full run, of a quick one, of the memory check."""
QUICK = 100_000_000
LARGE = 6_000_000_000

RECIPE = 1
"""A number to change with this module, so that subjects in the cache are made anew."""

_LARGEST_FILE_SYSTEM = 600_000_000
"""A larger disk is this one, several times over."""
_BLOCK_SIZE = 8192
_NAMESPACE = uuid.UUID("3b8c5b0e-9a0d-4d7e-8f6d-3f1d0a5f4c21")
_COPY_SIZE = 1024 * 1024


@dataclass(frozen=True)
class Image:
    """The stream in one compression; ``path`` has ``size`` bytes, and a manifest beside it."""

    compression: str
    uuid: str
    path: Path
    size: int
    sha1: str

    @property
    def manifest_path(self) -> Path:
        return self.path.with_name(self.compression + ".imgmanifest")


@dataclass(frozen=True)
class Subject:
    """``disk`` as a stream of ``stream_size`` bytes; ``folder`` is what a server can serve."""

    folder: Path
    disk: Path
    stream_size: int
    images: dict[str, Image]

    @property
    def stream(self) -> Path:
        return self.images["none"].path


def prepare(size: int, say: Callable[[str], None], cache: Path = CACHE) -> Subject:
    """The subject of about ``size`` bytes, made now unless it is cached."""
    folder = cache / f"{size // 1_000_000}MB-{RECIPE}"
    index = folder / "subject.json"
    if not index.exists():
        say(f"making a subject of {size / 1e6:,.0f} MB, once; it stays in {folder}")
        unfinished = folder.with_name(folder.name + ".partial")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        facts = _make(unfinished, size, say)
        (unfinished / "subject.json").write_text(json.dumps(facts, indent=2) + "\n")
        unfinished.rename(folder)
    facts = json.loads(index.read_text())
    return Subject(
        folder=folder,
        disk=folder / "disk.raw",
        stream_size=facts["stream_size"],
        images={
            entry["compression"]: Image(**{**entry, "path": folder / entry["path"]})
            for entry in facts["images"]
        },
    )


def _make(folder: Path, size: int, say: Callable[[str], None]) -> dict[str, Any]:
    disk, stream = folder / "disk.raw", folder / "none.zvol"
    with _told(say, "the disk"):
        times = -(-size // _LARGEST_FILE_SYSTEM)
        if times == 1:
            make_disk(disk, size)
        else:
            part = folder / "part.raw"
            make_disk(part, size // times)
            repeat_disk(part, disk, times)
            part.unlink()
    with _told(say, "its zvol stream"):
        _write_stream(disk, stream)
    images = []
    for compression, row in COMPRESSION_FORMATS.items():
        suffix = row.suffix
        path = stream.with_name(f"{compression}.zvol{suffix}")
        if compression != "none":
            with _told(say, path.name):
                _compress(stream, path, compressor(compression, large=times > 1))
        images.append(describe(path, compression, disk.stat().st_size))
    return {
        "stream_size": stream.stat().st_size,
        "images": [{**asdict(image), "path": image.path.name} for image in images],
    }


class _told:  # noqa: N801  reads as a statement
    """Says what is being made, and how long it took."""

    def __init__(self, say: Callable[[str], None], what: str) -> None:
        self._say = say
        self._what = what

    def __enter__(self) -> None:
        self._started = time.monotonic()
        self._say(f"  {self._what} ...")

    def __exit__(self, *_: object) -> None:
        self._say(f"  {self._what}: {time.monotonic() - self._started:.0f} s")


def _write_stream(disk: Path, stream: Path) -> None:
    buffer = memoryview(bytearray(_COPY_SIZE))
    with disk.open("rb") as reader, stream.open("wb") as writer:
        source = VolumeStreamWriter(
            reader.fileno(),
            size=os.fstat(reader.fileno()).st_size,
            block_size=_BLOCK_SIZE,
            guid=0x1D5E_B3AC_0001_0001,
            creation_time=1_767_225_600,
            name="zones/bench@final",
        )
        while size := source.readinto(buffer):
            writer.write(buffer[:size])


def compressor(compression: str, *, large: bool) -> list[str]:
    """The ordinary program for the job. bzip2 has a parallel one that writes the same format.

    A ``large`` subject is for memory alone, so gzip and xz try less hard there; what decides about
    memory, the dictionary and block size of xz, is as with ``xz -T0 -6``.
    """
    bzip2 = "lbzip2" if shutil.which("lbzip2") else "bzip2"
    xz = ["--lzma2=preset=0,dict=8MiB", "--block-size=24MiB"] if large else ["-6"]
    return {
        "gzip": ["gzip", "-1" if large else "-6", "-c"],
        "bzip2": [bzip2, "-9", "-c"],
        "xz": ["xz", "-T0", *xz, "-c"],
        "zstd": ["zstd", "-q", "-3", "-c"],
    }[compression]


def _compress(stream: Path, target: Path, argv: list[str]) -> None:
    with stream.open("rb") as reader, target.open("wb") as writer:
        subprocess.run(argv, stdin=reader, stdout=writer, check=True)


def describe(path: Path, compression: str, disk_size: int) -> Image:
    """The image that the file is, with a manifest written beside it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha1").hexdigest()
    size = path.stat().st_size
    image = Image(
        compression=compression,
        uuid=str(uuid.uuid5(_NAMESPACE, digest)),
        path=path,
        size=size,
        sha1=digest,
    )
    manifest = {
        "v": 2,
        "uuid": image.uuid,
        "owner": "9dce1460-0c4c-4417-ab8b-25ca478c5a78",
        "name": f"bench-{compression}",
        "version": "1.0.0",
        "state": "active",
        "disabled": False,
        "public": True,
        "published_at": "2026-01-01T00:00:00Z",
        "type": "zvol",
        "os": "linux",
        "image_size": disk_size // (1024 * 1024),
        "nic_driver": "virtio",
        "disk_driver": "virtio",
        "cpu_type": "host",
        "files": [{"sha1": digest, "size": size, "compression": compression}],
    }
    image.manifest_path.write_text(json.dumps(manifest, indent=2) + "\n")
    return image
