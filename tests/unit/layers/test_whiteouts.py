"""What a layer hides of those below it, and what of its own it keeps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from imgadm import streams
from imgadm.layers import LayerError, Limits, Ownership, read_owners
from imgadm.layers.tree import path_set

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


BELOW_LINK = archive(file("target/keep", "old"), symlink("link", "/target"))

REPLACED_LINK = {
    "opaque": [entry("link/.wh..wh..opq"), directory("link"), file("link/new", "new")],
    "a whiteout": [entry("link/.wh.keep"), directory("link"), file("link/new", "new")],
    "no mark": [directory("link"), file("link/new", "new")],
    "no entry but a whiteout of the link": [entry(".wh.link"), file("link/new", "new")],
    "an opaque root": [entry(".wh..wh..opq"), file("target/keep", "old"), file("link/new", "new")],
    "a directory further down": [
        directory("link"),
        directory("link/d"),
        entry("link/d/.wh..wh..opq"),
        file("link/d/x", "x"),
        file("link/new", "new"),
    ],
    "hard links": [
        directory("link"),
        file("link/new", "new"),
        link("link/again", "link/new"),
        link("beside", "link/again"),
    ],
}


@pytest.mark.parametrize("case", REPLACED_LINK)
def test_link_that_the_layer_replaces_by_a_directory(tmp_path: Path, case: str) -> None:
    """Whatever the order: nothing goes through it."""
    found = set()
    orders = [order for order in permutations(REPLACED_LINK[case]) if _links_follow(order)]
    for number, order in enumerate(orders):
        unpack(tmp_path / str(number), BELOW_LINK, archive(*order))
        below = contents(tmp_path / str(number))
        assert (below["target/keep"], below["link"], below["link/new"]) == ("old", "/", "new")
        assert "target/new" not in below
        found.add(str(below))
    assert len(found) == 1


def _links_follow(order: Sequence[Any]) -> bool:
    seen: set[str] = set()
    for info, _ in order:
        if info.islnk() and info.linkname not in seen:
            return False
        seen.add(info.name)
    return True


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        ([entry("link/.wh..wh..opq"), file("link/new", "new")], {"target/new": "new"}),
        ([file("link/new", "new"), entry("link/.wh.keep")], {"target/new": "new"}),
        ([file("link/keep", "new"), entry("target/.wh.keep")], {"target/keep": "new"}),
        ([directory("link/d"), file("link/d/f", "f")], {"target/keep": "old", "target/d/f": "f"}),
        ([file("link/new", "new"), file("link", "a file")], {"target/keep": "old"}),
        ([file("link/new", "new"), symlink("link", "/x")], {"target/keep": "old"}),
        ([file("link/new", "new"), link("beside", "link/new")], {"beside": "new"}),
        ([link("beside", "link/keep")], {"beside": "old", "target/keep": "old"}),
    ],
)
def test_link_that_stays_or_is_replaced_by_something_else(
    tmp_path: Path, entries: list[Any], wanted: dict[str, str]
) -> None:
    unpack(tmp_path, BELOW_LINK, archive(*entries))
    found = contents(tmp_path)
    assert wanted.items() <= found.items()
    assert ("target/keep" in found) == ("target/keep" in wanted or "beside" in wanted)
    assert found["link"] == "-> /target" or len(entries) == 2
    assert not any(".wh." in name for name in found)


def test_marks_do_not_go_through_links_of_their_own_layer(tmp_path: Path) -> None:
    unpack(
        tmp_path,
        archive(file("d/x", "old"), file("other/x", "old")),
        archive(symlink("d", "/other"), entry("d/.wh.x"), entry("d/.wh..wh..opq")),
    )
    assert contents(tmp_path) == {"d": "-> /other", "other": "/", "other/x": "old"}


def test_more_names_behind_links_than_are_kept(tmp_path: Path) -> None:
    """From then on links stay what they are: one that is replaced all the same is an error."""
    limits = Limits(put_off_bytes=2000)
    many = [file(f"link/{number}", "new") for number in range(20)]
    unpack(tmp_path / "stays", BELOW_LINK, archive(*many), limits=limits)
    assert {f"target/{number}" for number in range(20)} < contents(tmp_path / "stays").keys()
    with pytest.raises(LayerError, match="it replaces a link of a lower layer") as caught:
        unpack(tmp_path / "gone", BELOW_LINK, archive(*many, directory("link")), limits=limits)
    assert caught.value.kind == "limit"


def test_hidden_directory_that_is_needed_is_as_if_it_were_new(tmp_path: Path) -> None:
    """Whichever comes first, the mark or what needs the directory."""
    lower = archive(directory("d", mode=0o700, owner=(0, 0)), file("d/x"))
    described = []
    for name, entries in (
        ("first", [entry(".wh.d"), file("d/n")]),
        ("last", [file("d/n"), entry(".wh.d")]),
    ):
        unpack(tmp_path / name / "root", lower, archive(*entries))
        described.append((tmp_path / name / "root" / "d").stat().st_mode & 0o7777)
    assert described == [0o755, 0o755]


def test_files_of_a_storage_driver_that_hard_links_are_to(tmp_path: Path) -> None:
    unpack(
        tmp_path / "image" / "root",
        archive(
            directory(".wh..wh.plnk"),
            file(".wh..wh.plnk/99.1", "linked", mode=0o4755),
            link(".wh..wh.plnk/99.2", ".wh..wh.plnk/99.1"),
            file(".wh..wh.aufs"),
            link("a", ".wh..wh.plnk/99.1"),
            link("b", "./.wh..wh.plnk/99.1"),
            link("d/c", "/.wh..wh.plnk/99.2"),
        ),
        policy=Ownership.RECORDED,
    )
    root = tmp_path / "image" / "root"
    assert contents(root) == {"a": "linked", "b": "linked", "d": "/", "d/c": "linked"}
    assert (root / "a").stat().st_nlink == 3
    owners = read_owners(tmp_path / "image" / "owners.jsonl")
    assert [owners[name].mode for name in (b"a", b"b", b"d/c")] == [0o4755] * 3


def test_links_do_not_lead_to_what_is_kept_aside(tmp_path: Path) -> None:
    """Whatever it is called: nothing below a whiteout's name can be reached, or made."""
    for number, entries in enumerate(
        (
            [file(".wh..wh.plnk/1"), symlink("x", ".wh..wh.plnk"), file("x/1")],
            [symlink("x", "/.wh.a/b"), entry("x/y", "fifo")],
        )
    ):
        with pytest.raises(LayerError, match="it leads to a directory of a whiteout's name"):
            unpack(tmp_path / str(number), archive(*entries))
    links = [symlink("x", ".wh.a"), link("y", "x/1")]
    with pytest.raises(LayerError, match="which does not exist"):
        unpack(tmp_path / "linked", archive(*links))


def test_file_of_a_storage_driver_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match="which does not exist"):
        unpack(tmp_path, archive(link("a", ".wh..wh.plnk/1")))


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
