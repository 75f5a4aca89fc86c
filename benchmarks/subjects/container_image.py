"""A container image of ten layers, full of the files of this host, as an OCI layout.

Made once for each size, and kept under ``.cache/bench``.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.subjects.disk_image import FILES, files_by_hash_of_name
from benchmarks.subjects.subject import CACHE

LAYERS = 10
TAG = "bench"

_RECIPE = 1
"""A number to change with this module, so that images in the cache are made anew."""

_LEVEL = 6
"""The level of gzip that other programs use to make images."""
_FIXED_TIME = 1_767_225_600
_OCI = "application/vnd.oci.image."


@dataclass(frozen=True)
class ContainerImage:
    """``layout`` has the image as :data:`TAG`: ``archives`` bytes of tar in ``blobs`` bytes."""

    layout: Path
    files: int
    archives: int
    blobs: int


def prepare(size: int, say: Callable[[str], None], cache: Path = CACHE) -> ContainerImage:
    """The image of about ``size`` bytes of files, made now unless it is cached."""
    layout = cache / f"container-{size // 1_000_000}MB-{_RECIPE}"
    if not (layout / "facts.json").exists():
        say(f"making a container image of {size / 1e6:,.0f} MB, once; it stays in {layout}")
        unfinished = layout.with_name(layout.name + ".partial")
        shutil.rmtree(unfinished, ignore_errors=True)
        (unfinished / "blobs" / "sha256").mkdir(parents=True)
        facts = _make(unfinished, size)
        (unfinished / "facts.json").write_text(json.dumps(facts))
        unfinished.rename(layout)
    return ContainerImage(layout, **json.loads((layout / "facts.json").read_text()))


def _make(layout: Path, size: int) -> dict[str, int]:
    paths = iter(files_by_hash_of_name())
    blobs: list[dict[str, Any]] = []
    diff_ids: list[str] = []
    files = 0
    archives = 0
    hidden: list[str] = []
    for _ in range(LAYERS):
        archive, names = _archive(paths, size // LAYERS, hidden)
        # Every layer takes a few files of the one below away again.
        hidden = names[:: len(names) // 5 or 1]
        files += len(names)
        archives += len(archive)
        diff_ids.append("sha256:" + hashlib.sha256(archive).hexdigest())
        blob = gzip.compress(archive, _LEVEL, mtime=0)
        blobs.append(_blob(layout, blob, _OCI + "layer.v1.tar+gzip"))
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _OCI + "manifest.v1+json",
        "config": _blob(layout, json.dumps(config).encode(), _OCI + "config.v1+json"),
        "layers": blobs,
    }
    descriptor = _blob(layout, json.dumps(manifest).encode(), _OCI + "manifest.v1+json")
    descriptor["annotations"] = {"org.opencontainers.image.ref.name": TAG}
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [descriptor]}))
    return {"files": files, "archives": archives, "blobs": sum(blob["size"] for blob in blobs)}


def _archive(
    paths: Iterator[tuple[Path, int]], size: int, hidden: list[str]
) -> tuple[bytes, list[str]]:
    """A layer of about ``size`` bytes of the next files, that hides some of the one below."""
    made = io.BytesIO()
    directories: set[str] = set()
    names: list[str] = []
    filled = 0
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in hidden:
            _add_directories(tar, Path(name).parent, directories)
            tar.addfile(_member(str(Path(name).with_name(".wh." + Path(name).name))))
        for path, length in paths:
            try:
                content = path.read_bytes()
            except OSError:  # unreadable, or gone meanwhile
                continue
            name = path.relative_to(FILES.parent)
            _add_directories(tar, name.parent, directories)
            member = _member(str(name))
            member.size, member.mode = len(content), path.stat().st_mode & 0o777
            tar.addfile(member, io.BytesIO(content))
            names.append(str(name))
            filled += length
            if filled >= size:
                break
    return made.getvalue(), names


def _add_directories(tar: tarfile.TarFile, directory: Path, there: set[str]) -> None:
    for path in [*reversed(directory.parents), directory]:
        if str(path) != "." and str(path) not in there:
            there.add(str(path))
            member = _member(str(path))
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(member)


def _member(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mtime = _FIXED_TIME
    return member


def _blob(layout: Path, data: bytes, media_type: str) -> dict[str, Any]:
    digits = hashlib.sha256(data).hexdigest()
    (layout / "blobs" / "sha256" / digits).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digits}", "size": len(data)}
