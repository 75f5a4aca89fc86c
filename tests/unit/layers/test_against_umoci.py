"""Images of two layers, unpacked by us and by ``umoci``: the same trees, to the nanosecond."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imgadm.layers import Ownership
from tests import trees

from .independent import needs_root, needs_umoci, umoci_unpack
from .layer_builder import archive, directory, entry, file, link, symlink, unpack

pytestmark = [needs_root, needs_umoci]

TOP = directory("./")
FILLED = [
    TOP,
    directory("d"),
    file("d/x", "old"),
    directory("d/sub"),
    file("d/sub/z", "old"),
    directory("d/sub/deep"),
    file("d/sub/deep/q", "old"),
]
CAPABLE = {
    "SCHILY.xattr.security.capability": bytes.fromhex("0100000200200000" + "00" * 12).decode(
        "latin-1"
    )
}

IMAGES: dict[str, tuple[list[Any], list[Any]]] = {
    "kinds that replace each other": (
        [TOP, directory("d"), file("d/x", "1"), file("f", "2"), symlink("s", "f"), directory("e")]
        + [symlink("t", "d"), entry("p", "fifo"), entry("c", "character", device=(5, 1))],
        [
            TOP,
            file("d", "now a file"),
            directory("f"),
            file("f/y"),
            directory("s"),
            symlink("e", "x"),
        ]
        + [file("t", "1"), directory("p"), entry("c", "block", device=(7, 0))],
    ),
    "directories that merge": (
        [TOP, directory("d", mode=0o700, owner=(5, 5)), file("d/x", "1")],
        [TOP, directory("d", mode=0o1777, owner=(1, 2), mtime=1.5), file("d/y", mtime=1.25)],
    ),
    "directories without an entry of their own": (FILLED, [file("d/sub/deep/new", "1")]),
    "whiteouts": (FILLED, [entry("d/.wh.x"), entry("d/sub/.wh.deep"), entry("d/.wh.none")]),
    "a whiteout, then the same name": (
        FILLED,
        [entry("d/.wh.x"), file("d/x", "new"), entry("d/.wh.sub"), directory("d/sub")],
    ),
    "a whiteout after the same name": (
        FILLED,
        [file("d/x", "new"), entry("d/.wh.x"), file("d/sub/n", "new"), entry("d/sub/.wh.deep")],
    ),
    "opaque, the marker first": (
        FILLED,
        [directory("d"), entry("d/.wh..wh..opq"), directory("d/sub"), file("d/sub/n", "new")],
    ),
    "opaque, the marker last": (FILLED, [file("d/n", "new"), entry("d/.wh..wh..opq")]),
    "an opaque root": (FILLED, [entry(".wh..wh..opq"), file("n", "new"), TOP]),
    "hard-linked whiteouts": (
        [TOP, file("a"), file("b"), file("c")],
        [TOP, entry(".wh.a"), link(".wh.b", ".wh.a")],
    ),
    "whiteouts of other types": (
        [TOP, file("a"), file("b")],
        [TOP, directory(".wh.a"), symlink(".wh.b", "x")],
    ),
    "links in the middle of a path": (
        [TOP, directory("usr"), directory("usr/lib"), symlink("lib", "usr/lib")]
        + [symlink("abs", "/usr/lib"), symlink("up", "../../usr")],
        [file("lib/a", "1"), file("abs/b", "2"), file("up/c", "3"), directory("usr"), TOP],
    ),
    "hard links": (
        [TOP, file("a", "1", mode=0o4755, owner=(3, 3)), symlink("s", "a"), directory("e")],
        [TOP, link("b", "a"), link("t", "s"), directory("d"), link("d/c", "/a"), link("e", "a")],
    ),
    "set-id and sticky bits": (
        [TOP, file("a", "1", mode=0o6755, owner=(5, 6)), directory("t", mode=0o1777)],
        [TOP, directory("g", mode=0o2775, owner=(0, 50)), directory("g/d"), file("g/f")],
    ),
    "times": (
        [TOP, directory("d", mtime=1000), file("d/x", mtime=-5), file("d/y", mtime=1.123456789)],
        [TOP, file("d/z", mtime=99), symlink("d/s", "z", mtime=100.5), directory("d", mtime=7)],
    ),
    "large owners": (
        [TOP, file("a", owner=(3_000_000_000, 4_000_000_000))],
        [TOP, file("b", owner=(2_097_152, 2_097_152))],
    ),
    "names twice": (
        [TOP, file("a", "1"), file("a", "2"), directory("b"), file("b/x"), file("b", "3")],
        [TOP, file("a", "4"), directory("a"), file("a/5")],
    ),
    "names that are written otherwise": (
        [TOP, file("/a", "1"), file("././b", "2"), file("d/../c", "3"), directory("d//e/")],
        [directory("d"), file("n" * 255), file("x/" * 60 + "y"), directory("x"), TOP],
    ),
    "extended attributes": (
        [TOP, directory("d", pax={"SCHILY.xattr.user.a": "1"}), file("f", mode=0o755, pax=CAPABLE)],
        [TOP, directory("d", pax={"SCHILY.xattr.user.b": "2"}), file("g", pax=CAPABLE)],
    ),
}


@pytest.mark.parametrize("image", IMAGES)
def test_the_same_tree(tmp_path: Path, image: str) -> None:
    layers = [archive(*entries) for entries in IMAGES[image]]
    unpack(tmp_path / "ours" / "root", *layers, policy=Ownership.REAL)
    theirs = trees.describe(umoci_unpack(tmp_path, *layers))
    assert without_dates_of_today(trees.describe(tmp_path / "ours" / "root")) == (
        without_dates_of_today(theirs)
    )


def without_dates_of_today(lines: list[str]) -> list[str]:
    """Directories that no entry makes have the time of their making."""
    today = 1_700_000_000_000_000_000
    return [
        " ".join(
            word if not (word.isdigit() and int(word) > today) else "now"
            for word in line.split(" ")
        )
        for line in lines
    ]
