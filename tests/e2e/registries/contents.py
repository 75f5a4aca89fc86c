"""Layers with everything in them that layers have."""

from __future__ import annotations

from collections.abc import Iterator

from tests.unit.layers.layer_builder import archive, directory, entry, file, link, symlink


def everything() -> bytes:
    """A base with all kinds of files, names, owners, modes and attributes."""
    long = "/".join(["a-long-part-of-a-name" * 3] * 4)
    return archive(
        directory("./"),
        directory("bin/"),
        file("bin/su", "#!", mode=0o4755),
        file("bin/wall", "#!", mode=0o2755, owner=(0, 5)),
        link("bin/also-su", "bin/su"),
        symlink("bin/sh", "su"),
        directory("dev/"),
        entry("dev/null", "character", device=(1, 3), mode=0o666),
        entry("dev/sda", "block", device=(8, 0), mode=0o660, owner=(0, 6)),
        entry("dev/fifo", "fifo", mode=0o600),
        directory("tmp/", mode=0o1777),
        directory("srv/", owner=(33, 33), mode=0o750),
        file("srv/big-ids", "x", owner=(3_000_000_000, 2_500_000_000)),
        file("srv/secret", "s", owner=(33, 33), mode=0o000),
        directory("srv/readonly/", mode=0o555),
        file("srv/readonly/in-it", "r", mode=0o444),
        file("srv/ünïcode-日本", "u"),
        file("srv/attributes", "c", pax={"SCHILY.xattr.user.note": "kept"}),
        file("srv/fraction", "f", pax={"mtime": "1700000000.123456789"}),
        symlink("srv/absolute", "/etc/passwd"),
        symlink("srv/dangling", "nowhere/at/all"),
        symlink("srv/up", "../../../../etc"),
        directory("etc/"),
        *(file(f"etc/{name}", name * 10) for name in "abcdefgh"),
        file("etc/empty"),
        file(f"opt/{long}/deep", "no entry made my parents"),
        file("opt/large", bytes(range(256)) * 8192),
    )


def changes() -> bytes:
    """On top of that: whiteouts of every kind, and things that replace each other."""
    return archive(
        directory("etc/"),
        file("etc/.wh.a"),
        link("etc/.wh.b", "etc/.wh.a"),
        file("etc/.wh.not-there"),
        directory("etc/d/"),
        file("etc/d/was-a-file", "d"),
        symlink("etc/e", "f"),
        directory("srv/", owner=(33, 33)),
        file("srv/readonly", "was a directory"),
        file("srv/.wh.big-ids"),
        link("srv/attributes-too", "srv/attributes"),
        directory("bin/"),
        link("bin/third-su", "bin/su"),
        directory("var/"),
        directory("var/lower/"),
        file("var/lower/a", "a"),
    )


def opaque() -> bytes:
    """On top of those: opaque directories."""
    return archive(
        directory("srv/"),
        file("srv/.wh..wh..opq"),
        file("srv/first", "1"),
        directory("var/lower/"),
        file("var/lower/.wh..wh..opq"),
        file("var/lower/b", "b"),
        directory("opt/", mode=0o700),
    )


def many(count: int) -> Iterator[bytes]:
    """Layers that each add a file, change one, and some of which take one away again."""
    for number in range(count):
        yield archive(
            directory("data/"),
            file(f"data/{number}", str(number)),
            file("data/last", str(number)),
            *([file(f"data/.wh.{number - 1}")] if number % 3 == 2 else []),
        )
