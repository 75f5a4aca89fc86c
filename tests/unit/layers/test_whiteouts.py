"""What a layer hides of those below it, and what of its own it keeps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from imgadm import streams
from imgadm.layers import LayerError, path_set

from .layer_builder import archive, contents, directory, entry, file, link, symlink, unpack

LOWER = archive(
    directory("d"),
    file("d/x", "old"),
    file("d/y", "old"),
    directory("d/sub"),
    file("d/sub/z", "old"),
    directory("d/sub/deep"),
    file("d/sub/deep/q", "old"),
    file("top", "old"),
)

KEPT_ABOVE = {"d": "/", "top": "old"}

CASES = {
    "a file": ([entry("d/.wh.x")], {"d/x"}, {}),
    "a directory": (
        [entry("d/.wh.sub")],
        {"d/sub", "d/sub/z", "d/sub/deep", "d/sub/deep/q"},
        {},
    ),
    "what is not there": ([entry("d/.wh.none"), entry("no/.wh.where")], set(), {}),
    "what is below what is hidden": (
        [entry(".wh.d"), entry("d/.wh.x"), entry("d/sub/.wh.z")],
        {"d", "d/x", "d/y", "d/sub", "d/sub/z", "d/sub/deep", "d/sub/deep/q"},
        {},
    ),
    "a file that comes anew, marker first": (
        [entry("d/.wh.x"), file("d/x", "new")],
        set(),
        {"d/x": "new"},
    ),
    "a file that comes anew, marker last": (
        [file("d/x", "new"), entry("d/.wh.x")],
        set(),
        {"d/x": "new"},
    ),
    "a directory that comes anew, marker first": (
        [entry("d/.wh.sub"), directory("d/sub"), file("d/sub/n", "new")],
        {"d/sub/z", "d/sub/deep", "d/sub/deep/q"},
        {"d/sub/n": "new"},
    ),
    "a directory that comes anew, marker last": (
        [directory("d/sub"), file("d/sub/n", "new"), entry("d/.wh.sub")],
        {"d/sub/z", "d/sub/deep", "d/sub/deep/q"},
        {"d/sub/n": "new"},
    ),
    "a directory without entry but with one below, marker last": (
        [file("d/sub/deep/n", "new"), entry("d/.wh.sub")],
        {"d/sub/z", "d/sub/deep/q"},
        {"d/sub/deep/n": "new"},
    ),
    "opaque, marker first": (
        [entry("d/.wh..wh..opq"), file("d/n", "new"), file("d/sub/n", "new")],
        {"d/x", "d/y", "d/sub/z", "d/sub/deep", "d/sub/deep/q"},
        {"d/n": "new", "d/sub/n": "new"},
    ),
    "opaque, marker last": (
        [file("d/n", "new"), file("d/sub/n", "new"), entry("d/.wh..wh..opq")],
        {"d/x", "d/y", "d/sub/z", "d/sub/deep", "d/sub/deep/q"},
        {"d/n": "new", "d/sub/n": "new"},
    ),
    "opaque, a name that comes again": (
        [file("d/x", "new"), entry("d/.wh..wh..opq"), file("d/y", "new")],
        {"d/sub", "d/sub/z", "d/sub/deep", "d/sub/deep/q"},
        {"d/x": "new", "d/y": "new"},
    ),
    "opaque, a directory that is not there": ([entry("e/.wh..wh..opq")], set(), {}),
    "opaque root": (
        [entry(".wh..wh..opq"), file("n", "new")],
        {"d", "d/x", "d/y", "d/sub", "d/sub/z", "d/sub/deep", "d/sub/deep/q", "top"},
        {"n": "new"},
    ),
    "markers that are hard links": (
        [entry("d/.wh.x"), link("d/.wh.y", "d/.wh.x"), link(".wh.top", "d/.wh.y")],
        {"d/x", "d/y", "top"},
        {},
    ),
    "markers of other types": (
        [directory("d/.wh.x"), symlink("d/.wh.y", "/dev/null")],
        {"d/x", "d/y"},
        {},
    ),
    "a marker with content": (
        [file(".wh.top", "x" * 2000), file("n", "new")],
        {"top"},
        {"n": "new"},
    ),
    "the books of AUFS": (
        [
            file(".wh..wh.aufs"),
            directory(".wh..wh.plnk"),
            file(".wh..wh.plnk/99.1", "x"),
            directory(".wh..wh.orph"),
            file("d/.wh..wh.other"),
        ],
        set(),
        {},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_hidden_and_kept(tmp_path: Path, case: str) -> None:
    entries, hidden, made = CASES[case]
    unpack(tmp_path / "lower", LOWER)
    before = contents(tmp_path / "lower")
    unpack(tmp_path / "root", LOWER, archive(*entries))
    wanted = {path: what for path, what in before.items() if path not in hidden} | made
    assert contents(tmp_path / "root") == wanted


def test_through_a_link_inside_the_root(tmp_path: Path) -> None:
    unpack(
        tmp_path,
        archive(file("usr/a"), file("usr/b"), symlink("u", "/usr")),
        archive(entry("u/.wh.a")),
    )
    assert set(contents(tmp_path)) == {"u", "usr", "usr/b"}


def test_of_a_link_takes_the_link_only(tmp_path: Path) -> None:
    unpack(tmp_path, archive(file("usr/a"), symlink("u", "usr")), archive(entry(".wh.u")))
    assert set(contents(tmp_path)) == {"usr", "usr/a"}


def test_all_that_a_layer_has_made_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what is kept in the form that takes less memory."""
    monkeypatch.setattr(path_set, "_LOOSE", 100)
    names = [f"{number % 7}/{number}" for number in range(1050)]
    unpack(
        tmp_path,
        archive(*(file(f"{number}/old") for number in range(7))),
        archive(
            *(file(name) for name in names),
            *(entry(f"{number}/.wh..wh..opq") for number in range(7)),
        ),
    )
    assert set(contents(tmp_path)) == {*names, *(str(number) for number in range(7))}


@pytest.mark.parametrize("name", [".wh.", "d/.wh..", "d/.wh...", ".wh.x/y", "d/.wh.sub/z"])
def test_names_of_no_sense_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LayerError) as caught:
        unpack(tmp_path, LOWER, archive(entry(name)))
    assert (caught.value.kind, caught.value.entry) == ("name", name.encode())
    assert isinstance(caught.value, streams.StreamError)
    assert contents(tmp_path)["d/x"] == "old"


@pytest.mark.parametrize("marker", ["d/.wh..wh..opq", ".wh.d"])
def test_many_whiteouts_of_what_is_large(
    tmp_path: Path, marker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take the time of reading them, and not that of walking the directory for each."""
    looks = 0
    listing = os.scandir

    def counted(descriptor: int) -> Any:
        nonlocal looks
        looks += 1
        return listing(descriptor)

    monkeypatch.setattr(os, "scandir", counted)
    files = [file(f"d/{number}") for number in range(100)]
    unpack(tmp_path, LOWER, archive(*files, *[entry(marker)] * 100))
    assert {f"d/{number}" for number in range(100)} == contents(tmp_path).keys() - {"d", "top"}
    assert looks < 10


def test_emptied_directory_that_is_hidden_itself(tmp_path: Path) -> None:
    unpack(tmp_path, LOWER, archive(file("n"), entry("d/.wh..wh..opq"), entry(".wh.d")))
    assert contents(tmp_path).keys() == {"n", "top"}


def test_emptied_directory_that_is_filled_and_hidden(tmp_path: Path) -> None:
    markers = [entry("d/.wh..wh..opq"), entry(".wh.d")]
    unpack(tmp_path, LOWER, archive(*markers, file("d/sub/n", "new"), *markers, *markers))
    assert contents(tmp_path) == {"d": "/", "d/sub": "/", "d/sub/n": "new", "top": "old"}
