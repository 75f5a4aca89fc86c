"""What the recorded source served: manifests, image files and the streams inside them."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "recorded"

DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "none": lambda data: data,
    "gzip": gzip.decompress,
    "bzip2": bz2.decompress,
    "xz": lzma.decompress,
}


@dataclass(frozen=True)
class Image:
    """An image as the source had it; ``file`` is empty for one that was never uploaded."""

    key: str
    manifest: dict[str, Any]
    file: bytes
    snapshot: str
    guid: str

    @property
    def uuid(self) -> str:
        return str(self.manifest["uuid"])

    @property
    def stream(self) -> bytes:
        return DECOMPRESS[self.manifest["files"][0]["compression"]](self.file)


@cache
def _fixtures() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((RECORDED / "fixtures.json").read_text("utf-8"))
    return loaded


@cache
def images() -> dict[str, Image]:
    """Every image by its UUID."""
    found = (_image(entry) for entry in _fixtures()["images"])
    return {image.uuid: image for image in found}


def image(key: str) -> Image:
    return next(one for one in images().values() if one.key == key)


def listed() -> list[Image]:
    """The active images, in the order in which the source lists them."""
    return [images()[uuid] for uuid in _fixtures()["list_order"]]


def ping() -> dict[str, Any]:
    return dict(_fixtures()["ping"])


def sysinfo() -> dict[str, Any]:
    return dict(_fixtures()["sysinfo"])


def _image(entry: dict[str, Any]) -> Image:
    file = entry.get("file", {"encoding": "base64", "data": ""})
    data = base64.b64decode(file["data"])
    if file["encoding"] == "xz+base64":
        data = lzma.decompress(data)
    stream = entry.get("stream", {"snapshot": "", "toguid": ""})
    return Image(entry["key"], entry["manifest"], data, stream["snapshot"], stream["toguid"])
