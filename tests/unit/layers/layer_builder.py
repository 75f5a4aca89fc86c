"""Archives of layers, written by Python's ``tarfile``, and their unpacking."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from imgadm import streams
from imgadm.layers import Limits, Ownership, unpack_layer

from ..streams.stages import Supply, pieces

WHEN = 1_500_000_000

_TYPES = {
    "file": tarfile.REGTYPE,
    "link": tarfile.LNKTYPE,
    "symlink": tarfile.SYMTYPE,
    "character": tarfile.CHRTYPE,
    "block": tarfile.BLKTYPE,
    "directory": tarfile.DIRTYPE,
    "fifo": tarfile.FIFOTYPE,
}


def entry(
    name: str,
    kind: str = "file",
    *,
    data: bytes = b"",
    to: str = "",
    mode: int | None = None,
    owner: tuple[int, int] = (0, 0),
    mtime: float = WHEN,
    device: tuple[int, int] = (0, 0),
    pax: Mapping[str, str] | None = None,
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type = _TYPES[kind]
    info.mode = mode if mode is not None else 0o755 if kind == "directory" else 0o644
    info.uid, info.gid = owner
    info.mtime = mtime
    info.size = len(data)
    info.linkname = to
    info.devmajor, info.devminor = device
    info.pax_headers = dict(pax or {})
    return info, data


def directory(name: str, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, "directory", **fields)


def file(name: str, data: bytes | str = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, data=data.encode() if isinstance(data, str) else data, **fields)


def symlink(name: str, to: str, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, "symlink", to=to, **fields)


def link(name: str, to: str, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, "link", to=to, **fields)


def archive(
    *entries: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT, end: bool = True
) -> bytes:
    """The bytes of a tar archive; ``end=False`` leaves its end marker away."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as writer:
        for info, data in entries:
            writer.addfile(info, io.BytesIO(data) if data else None)
        length = writer.offset
    return out.getvalue() if end else out.getvalue()[:length]


def rewritten(made: bytes, header: int, fields: Mapping[int, bytes]) -> bytes:
    """An archive with other bytes at these offsets of a header, and the checksum of them.

    ``header`` is where it begins.
    """
    block = bytearray(made[header : header + 512])
    for offset, field in {**fields, 148: b" " * 8}.items():
        block[offset : offset + len(field)] = field
    block[148:156] = b"%06o\0 " % sum(block)
    return made[:header] + bytes(block) + made[header + 512 :]


def unpack(
    root: Path,
    *layers: bytes,
    policy: Ownership | None = None,
    limits: Limits | None = None,
    piece: int = 1 << 16,
) -> list[streams.Report]:
    """Apply the layers to ``root``, which is made if it is missing, in buffers of ``piece``."""
    root.mkdir(parents=True, exist_ok=True)
    return [
        streams.run(Supply(pieces(layer, piece)), unpack_layer(root, policy=policy, limits=limits))
        for layer in layers
    ]


def contents(root: Path) -> dict[str, str]:
    """Every path below ``root``: text of a file, target of a link, ``/``, or ``?``."""
    return dict(_contents(root, root))


def _contents(root: Path, directory: Path) -> Iterable[tuple[str, str]]:
    for path in sorted(directory.iterdir()):
        name = str(path.relative_to(root))
        if path.is_symlink():
            yield name, f"-> {path.readlink()}"
        elif path.is_dir():
            yield name, "/"
            yield from _contents(root, path)
        elif path.is_file():
            yield name, path.read_bytes().decode("latin-1")
        else:
            yield name, "?"
