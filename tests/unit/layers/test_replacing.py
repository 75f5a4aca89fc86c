"""An entry over what is there: every pairing of kinds, and directories that merge."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from imgadm.layers import LayerError, Ownership
from tests import trees

from .independent import needs_root
from .layer_builder import WHEN, archive, contents, directory, entry, file, link, symlink, unpack

BASE = [
    directory("./"),
    file("other", "of the base"),
    directory("elsewhere"),
    file("elsewhere/kept", "untouched"),
]

#: Entries that make ``x`` be of a kind.
KINDS: dict[str, list[Any]] = {
    "file": [file("x", "some text", mode=0o640)],
    "empty file": [file("x")],
    "directory": [directory("x", mode=0o750)],
    "filled directory": [
        directory("x"),
        file("x/file", "1"),
        directory("x/below"),
        symlink("x/below/out", "../../elsewhere"),
    ],
    "symlink to a file": [symlink("x", "other")],
    "symlink to a directory": [symlink("x", "elsewhere")],
    "symlink to nothing": [symlink("x", "/no/where")],
    "hard link": [link("x", "other")],
    "fifo": [entry("x", "fifo", mode=0o600)],
}

PAIRS = [
    (old, new)
    for old, new in itertools.product(KINDS, KINDS)
    if not ("directory" in (old.split()[-1]) and "directory" in (new.split()[-1]))
    or "symlink" in old + new
]


@pytest.mark.parametrize(("old", "new"), PAIRS)
@pytest.mark.parametrize("same_layer", [False, True], ids=["of a layer below", "of the same layer"])
def test_the_new_one_takes_the_place(tmp_path: Path, old: str, new: str, same_layer: bool) -> None:
    if same_layer:
        unpack(tmp_path / "a" / "root", archive(*BASE, *KINDS[old], *KINDS[new]))
    else:
        unpack(tmp_path / "a" / "root", archive(*BASE, *KINDS[old]), archive(*KINDS[new]))
    unpack(tmp_path / "b" / "root", archive(*BASE, *KINDS[new]))
    assert trees.describe(tmp_path / "a" / "root") == trees.describe(tmp_path / "b" / "root")


def test_a_directory_over_a_directory_keeps_contents_and_takes_attributes(tmp_path: Path) -> None:
    unpack(
        tmp_path,
        archive(directory("d", mode=0o700), file("d/old", "1")),
        archive(directory("d", mode=0o1771, mtime=1234.5), file("d/new", "2")),
    )
    status = (tmp_path / "d").stat()
    assert (status.st_mode & 0o7777, status.st_mtime) == (0o1771, 1234.5)
    assert contents(tmp_path) == {"d": "/", "d/old": "1", "d/new": "2"}


def test_times_of_directories_survive_what_is_made_and_removed_in_them(tmp_path: Path) -> None:
    """Also of those that are not in the layer, and with more of them than are kept open."""
    names = [f"{number:03}" for number in range(200)]
    unpack(
        tmp_path,
        archive(
            directory("./", mtime=77),
            *(directory(name, mtime=1000 + index) for index, name in enumerate(names)),
            *(file(f"{name}/first") for name in names),
            *(file(f"{name}/second") for name in reversed(names)),
        ),
        archive(
            *(file(f"{name}/third") for name in names),
            *(entry(f"{name}/.wh.first") for name in names),
            directory("007", mtime=7),
        ),
    )
    times = [(tmp_path / name).stat().st_mtime for name in names]
    assert times == [7 if index == 7 else 1000 + index for index in range(200)]
    assert tmp_path.stat().st_mtime == 77
    assert sorted(os.listdir(tmp_path / "000")) == ["second", "third"]


def test_directories_deeper_than_are_kept_open(tmp_path: Path) -> None:
    path = "/".join(["deep"] * 150)
    unpack(
        tmp_path,
        archive(directory("top", mtime=5), file("top/file", "linked"), file(f"{path}/a", "1")),
        archive(link(f"{path}/b", "top/file"), file(f"{path}/c", "3"), link("d", f"{path}/a")),
    )
    found = contents(tmp_path)
    assert (found[f"{path}/b"], found[f"{path}/c"], found["d"]) == ("linked", "3", "1")
    assert (tmp_path / "top").stat().st_mtime == 5


def test_parents_that_no_entry_makes(tmp_path: Path) -> None:
    unpack(tmp_path, archive(file("a/b/c", "1")))
    assert contents(tmp_path) == {"a": "/", "a/b": "/", "a/b/c": "1"}
    assert (tmp_path / "a/b").stat().st_mode & 0o7777 == 0o755


def test_the_umask_changes_nothing(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        unpack(
            tmp_path,
            archive(
                directory("d", mode=0o777),
                file("d/f", mode=0o666),
                entry("d/p", "fifo", mode=0o622),
                file("e/f"),
            ),
        )
    finally:
        os.umask(before)
    modes = {
        name: (tmp_path / name).stat().st_mode & 0o7777 for name in ("d", "d/f", "d/p", "e", "e/f")
    }
    assert modes == {"d": 0o777, "d/f": 0o666, "d/p": 0o622, "e": 0o755, "e/f": 0o644}


class TestHardLinks:
    def test_to_a_file_of_a_lower_layer(self, tmp_path: Path) -> None:
        unpack(
            tmp_path,
            archive(file("a", "1", mode=0o600)),
            archive(link("b", "a", mode=0o777), link("c/d", "/a"), link("e", "./c/../a")),
        )
        names = ("a", "b", "c/d", "e")
        assert len({(tmp_path / name).stat().st_ino for name in names}) == 1
        assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600

    def test_to_a_symlink_is_to_the_link_itself(self, tmp_path: Path) -> None:
        unpack(tmp_path, archive(file("a", "1"), symlink("s", "a"), link("t", "s")))
        assert contents(tmp_path) == {"a": "1", "s": "-> a", "t": "-> a"}

    def test_through_a_link_to_a_directory(self, tmp_path: Path) -> None:
        unpack(tmp_path, archive(file("usr/a", "1"), symlink("u", "/usr"), link("b", "u/a")))
        assert contents(tmp_path)["b"] == "1"

    def test_to_itself_changes_nothing(self, tmp_path: Path) -> None:
        unpack(tmp_path, archive(file("d/a", "1"), symlink("e", "d")), archive(link("d/a", "e/a")))
        assert contents(tmp_path)["d/a"] == "1"

    def test_keeps_what_is_hidden_later_in_the_layer(self, tmp_path: Path) -> None:
        unpack(tmp_path, archive(file("a", "1")), archive(link("b", "a"), entry(".wh.a")))
        assert contents(tmp_path) == {"b": "1"}


class TestLinksInTheMiddleOfAPath:
    """They lead where they would inside a container."""

    @pytest.mark.parametrize(
        ("target", "place"),
        [
            ("usr/lib", "usr/lib"),
            ("/usr/lib", "usr/lib"),
            ("../../../usr/./lib", "usr/lib"),
            ("usr/../usr/lib/", "usr/lib"),
            ("second", "usr/lib"),
            ("not/yet/there", "not/yet/there"),
            ("/no/../usr/none/../lib", "usr/lib"),
            ("/", "."),
        ],
    )
    def test_lead_below_the_root(self, tmp_path: Path, target: str, place: str) -> None:
        root = tmp_path / "image" / "root"
        unpack(
            root,
            archive(directory("usr/lib"), symlink("second", "/usr/lib"), symlink("lib", target)),
            archive(file("lib/libc.so", "1")),
        )
        assert (root / place / "libc.so").read_text() == "1"
        assert (root / "lib").is_symlink()
        assert not {"no", "none"} & {*os.listdir(root), *os.listdir(root / "usr")}
        assert set(os.listdir(tmp_path / "image")) <= {"root", "owners.jsonl"}
        assert os.listdir(tmp_path) == ["image"]

    def test_what_they_lead_to_changes_when_they_are_replaced(self, tmp_path: Path) -> None:
        unpack(
            tmp_path,
            archive(
                directory("a"),
                directory("b"),
                symlink("l", "a"),
                file("l/1"),
                symlink("l", "b"),
                file("l/2"),
                directory("l"),
                file("l/3"),
            ),
        )
        assert sorted(contents(tmp_path)) == ["a", "a/1", "b", "b/2", "l", "l/3"]


@needs_root
def test_owners_set_id_bits_and_devices_of_root(tmp_path: Path) -> None:
    unpack(
        tmp_path,
        archive(
            file("a", "1", mode=0o6755, owner=(5, 6)),
            directory("g", mode=0o3775, owner=(4_000_000_000, 3_000_000_000)),
            symlink("s", "a", owner=(7, 8)),
            entry("null", "character", device=(1, 3), mode=0o666),
            entry("disk", "block", device=(8, 300), mode=0o660, owner=(0, 6)),
        ),
        policy=Ownership.REAL,
    )
    assert [line.partition(f" {WHEN}")[0] for line in trees.describe(tmp_path)[1:]] == [
        "a file 6755 5:6",
        "disk block 0660 0:6",
        "g directory 3775 4000000000:3000000000",
        "null character 0666 0:0",
        "s symlink 7:8",
    ]
    assert os.stat(tmp_path / "disk").st_rdev == os.makedev(8, 300)
    assert not (tmp_path.parent / "owners.jsonl").exists()


@pytest.mark.parametrize(
    ("lower", "upper", "wanted"),
    [
        ([file("f", "1")], [file("f/x", "2")], {"f": "/", "f/x": "2"}),
        ([file("f", "1")], [directory("f/d/e")], {"f": "/", "f/d": "/", "f/d/e": "/"}),
        (
            [file("d/f", "1")],
            [file("d/f/x/y")],
            {"d": "/", "d/f": "/", "d/f/x": "/", "d/f/x/y": ""},
        ),
        ([entry("p", "fifo")], [file("p/x")], {"p": "/", "p/x": ""}),
        (
            [file("f", "1"), symlink("l", "f")],
            [file("l/x", "2")],
            {"f": "1", "l": "/", "l/x": "2"},
        ),
        ([symlink("l", "l")], [file("l/x", "2")], {"l": "/", "l/x": "2"}),
    ],
)
def test_lower_file_where_a_directory_is_needed(
    tmp_path: Path, lower: list[Any], upper: list[Any], wanted: dict[str, str]
) -> None:
    unpack(tmp_path, archive(*lower), archive(*upper))
    assert contents(tmp_path) == wanted


def test_file_of_the_same_layer_where_a_directory_is_needed(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match='"f" is not a directory'):
        unpack(tmp_path, archive(file("f"), file("f/x")))


def test_entry_without_a_name_is_the_root(tmp_path: Path) -> None:
    whole = bytearray(archive(directory("/", mode=0o700), file("a", "1")))
    assert whole[:2] == b"/\0"
    checksum = int(whole[148:154], 8) - ord("/")
    whole[0] = 0
    whole[148:154] = b"%06o" % checksum
    unpack(tmp_path / "root", bytes(whole))
    assert contents(tmp_path / "root") == {"a": "1"}
    assert (tmp_path / "root").stat().st_mode & 0o777 == 0o700
