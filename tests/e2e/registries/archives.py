"""Tar archives with everything in them that layers have."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

TIME = 1_700_000_000

Entry = tuple[str, str, Mapping[str, Any]]
"""Name, kind, and what else differs from the defaults."""


def archive(entries: Sequence[Entry], *, format: int = tarfile.PAX_FORMAT) -> bytes:
    """An archive of the entries, in their order."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=format) as tar:
        for name, kind, more in entries:
            member = tarfile.TarInfo(name)
            member.mtime = TIME
            member.type = _TYPES[kind]
            member.mode = 0o755 if kind == "dir" else 0o644
            content = more.get("content", b"")
            member.size = len(content)
            for field, value in more.items():
                if field != "content":
                    setattr(member, field, value)
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


_TYPES = {
    "dir": tarfile.DIRTYPE,
    "file": tarfile.REGTYPE,
    "link": tarfile.LNKTYPE,
    "symlink": tarfile.SYMTYPE,
    "char": tarfile.CHRTYPE,
    "block": tarfile.BLKTYPE,
    "fifo": tarfile.FIFOTYPE,
}


def folder(name: str, **more: Any) -> Entry:
    return name, "dir", more


def file(name: str, content: bytes | str = b"", **more: Any) -> Entry:
    data = content.encode() if isinstance(content, str) else content
    return name, "file", {"content": data, **more}


def link(name: str, target: str, **more: Any) -> Entry:
    return name, "link", {"linkname": target, **more}


def symlink(name: str, target: str, **more: Any) -> Entry:
    return name, "symlink", {"linkname": target, **more}


def whiteout(path: str) -> Entry:
    parent, slash, name = path.rpartition("/")
    return file(f"{parent}{slash}.wh.{name}")


def everything() -> list[Entry]:
    """A base with all kinds of files, names, owners, modes and attributes."""
    long = "/".join(["a-long-part-of-a-name" * 3] * 4)
    return [
        folder("./"),
        folder("bin/"),
        file("bin/su", "#!", mode=0o4755),
        file("bin/wall", "#!", mode=0o2755, gid=5),
        link("bin/also-su", "bin/su"),
        symlink("bin/sh", "su"),
        folder("dev/"),
        ("dev/null", "char", {"devmajor": 1, "devminor": 3, "mode": 0o666}),
        ("dev/sda", "block", {"devmajor": 8, "devminor": 0, "mode": 0o660, "gid": 6}),
        ("dev/fifo", "fifo", {"mode": 0o600}),
        folder("tmp/", mode=0o1777),
        folder("srv/", uid=33, gid=33, mode=0o750),
        file("srv/big-ids", "x", uid=3_000_000_000, gid=2_500_000_000),
        file("srv/secret", "s", uid=33, gid=33, mode=0o000),
        folder("srv/readonly/", mode=0o555),
        file("srv/readonly/in-it", "r", mode=0o444),
        file("srv/ünïcode-日本", "u"),
        file("srv/caps", "c", pax_headers={"SCHILY.xattr.user.note": "kept"}),
        file("srv/fraction", "f", pax_headers={"mtime": "1700000000.123456789"}),
        symlink("srv/absolute", "/etc/passwd"),
        symlink("srv/dangling", "nowhere/at/all"),
        symlink("srv/up", "../../../../etc"),
        folder("etc/"),
        *(file(f"etc/{name}", name * 10) for name in "abcdefgh"),
        file("etc/empty"),
        file(f"opt/{long}/deep", "no entry made my parents"),
        file("opt/large", bytes(range(256)) * 8192),
    ]


def changes() -> list[Entry]:
    """On top of that: whiteouts of every kind, and things that replace each other."""
    return [
        folder("etc/"),
        whiteout("etc/a"),
        link("etc/.wh.b", "etc/.wh.a"),
        whiteout("etc/not-there"),
        file("etc/c", "new"),
        whiteout("etc/c"),
        folder("etc/d/"),
        file("etc/d/was-a-file", "d"),
        symlink("etc/e", "f"),
        folder("srv/"),
        file("srv/readonly", "was a directory"),
        whiteout("srv/big-ids"),
        link("srv/caps-too", "srv/caps"),
        folder("bin/"),
        link("bin/third-su", "bin/su"),
        folder("var/"),
        folder("var/lower/"),
        file("var/lower/a", "a"),
    ]


def opaque() -> list[Entry]:
    """On top of those: opaque directories, with the marker first and last."""
    return [
        folder("srv/"),
        file("srv/.wh..wh..opq"),
        file("srv/first", "1"),
        folder("var/lower/"),
        file("var/lower/b", "b"),
        file("var/lower/.wh..wh..opq"),
        folder("opt/", mode=0o700),
    ]


def small_layers(count: int) -> Iterator[bytes]:
    """Layers that each add a file, change one, and take one of the layer before away."""
    for number in range(count):
        entries = [folder("data/"), file(f"data/{number}", str(number)), file("data/last", str(number))]
        if number % 3 == 2:
            entries.append(whiteout(f"data/{number - 1}"))
        yield archive(entries)
