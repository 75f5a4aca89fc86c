"""Archives that want out of the root, or more than there is: refused in a line, nothing touched."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgadm import streams
from imgadm.layers import LayerError, Limits
from tests import trees

from ..streams.stages import open_descriptors
from .layer_builder import archive, contents, directory, entry, file, link, symlink, unpack


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A root to unpack into, with things outside of it that are the same afterwards."""
    outside = tmp_path / "outside"
    (outside / "directory").mkdir(parents=True)
    (outside / "file").write_text("precious")
    (outside / "directory" / "file").write_text("precious")
    (tmp_path / "image" / "root").mkdir(parents=True)
    before = trees.describe(outside)
    yield tmp_path / "image" / "root"
    assert trees.describe(outside) == before
    assert sorted(os.listdir(tmp_path)) == ["image", "outside"]
    assert set(os.listdir(tmp_path / "image")) <= {"root", "owners.jsonl"}


def refusal(root: Path, *layers: bytes, limits: Limits | None = None) -> str:
    before = open_descriptors()
    with pytest.raises(LayerError) as caught:
        unpack(root, *layers, limits=limits)
    assert open_descriptors() == before
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    return f"{caught.value.kind}: {message}"


@pytest.mark.parametrize(
    "name", ["..", "../outside/file", "a/../../outside/file", "/../outside/file", "./a/./../.."]
)
@pytest.mark.parametrize("kind", ["file", "directory", "symlink", "fifo"])
def test_names_that_lead_out_are_refused(root: Path, name: str, kind: str) -> None:
    found = refusal(root, archive(entry(name, kind, to="x")))
    shown = f"{name}/" if kind == "directory" else name
    assert found == f'name: layer: entry "{shown}": its name leads out of the image'


@pytest.mark.parametrize("out", ["../../outside", "/outside", "../" * 60 + "outside", "."])
def test_nothing_is_made_or_removed_through_links(root: Path, out: str) -> None:
    """``..`` ends at the root, whoever made the link and whatever it is used for."""
    unpack(
        root,
        archive(symlink("l", out), symlink("m", "l/directory"), symlink("n", "outside/file")),
        archive(
            file("l/file", "new"),
            file("m/file", "new"),
            file("n", "new"),
            entry("l/.wh.file"),
            entry("m/.wh..wh..opq"),
            link("l/link", "m/file"),
            entry("m/pipe", "fifo"),
        ),
    )
    assert (root / "n").read_text() == "new"


@pytest.mark.parametrize(
    "target",
    ["../outside/file", "/../outside/file", "l/../../outside/file", "x/../../outside/file"],
)
def test_hard_links_to_what_is_outside(root: Path, target: str) -> None:
    found = refusal(root, archive(symlink("l", "/"), directory("x"), link("a", target)))
    assert found.startswith(("name: layer: entry", "link: layer: entry"))
    assert contents(root).keys() <= {"l", "x"}


def test_hard_links_through_links_that_lead_out(root: Path) -> None:
    found = refusal(root, archive(symlink("l", "../../outside"), link("a", "l/file")))
    assert found == 'link: layer: entry "a": it is a hard link to "l/file", which does not exist'


REFUSED: dict[str, tuple[list[Any], str]] = {
    "a hard link to nothing": (
        [link("a", "b")],
        'link: layer: entry "a": it is a hard link to "b", which does not exist',
    ),
    "a hard link to a directory": (
        [directory("d"), link("a", "d")],
        'link: layer: entry "a": it is a hard link to a directory',
    ),
    "a hard link to what it replaces": (
        [file("d/a"), link("d", "d/a")],
        'link: layer: entry "d": it is a hard link to "d/a", which does not exist',
    ),
    "a hard link to the root": (
        [link("a", "/")],
        'link: layer: entry "a": it is a hard link to "/", which does not exist',
    ),
    "a symlink to nothing": ([symlink("a", "")], 'link: layer: entry "a": it links to nothing'),
    "a file in a file": (
        [file("a"), file("a/b")],
        'name: layer: entry "a/b": "a" is not a directory',
    ),
    "a file in a link to a file": (
        [file("a"), symlink("l", "a"), file("l/b")],
        'name: layer: entry "l/b": "a" is not a directory',
    ),
    "links in a loop": (
        [symlink("a", "b"), symlink("b", "a"), file("a/c")],
        'name: layer: entry "a/c": its path goes through too many links',
    ),
    "links that multiply": (
        [symlink("a", "."), symlink("b", "a/" * 2000), file("b/c")],
        'name: layer: entry "b/c": its path goes through too many links',
    ),
    "a file in place of the root": (
        [file("./")],
        'name: layer: entry "./": the image itself would become a file',
    ),
    "a link in place of the root": (
        [symlink("/", "../../outside")],
        'name: layer: entry "/": the image itself would become a symlink',
    ),
    "no name": ([file("")], "name: layer: the image itself would become a file"),
    "a name that no file system takes": (
        [file("n" * 300)],
        f'name: layer: entry "{"n" * 200}...": the file system takes no such name',
    ),
    "control characters": (
        [file("a\n\x1b[31m/../../x")],
        'name: layer: entry "a\\n\\x1b[31m/../../x": its name leads out of the image',
    ),
    "a name with a zero byte": (
        [file("a", pax={"path": "a\0b"})],
        'name: layer: entry "a\\x00b": a name has a zero byte',
    ),
    "an owner that no system has": (
        [file("a", pax={"uid": "4294967296"})],
        'format: layer: entry "a": no system has its owner 4294967296:0',
    ),
    "a time out of range": (
        [file("a", pax={"mtime": "9" * 17})],
        'format: layer: entry "a": its time is out of range',
    ),
    "a file that no system has": (
        [file("a", b"1", pax={"GNU.sparse.map": "0,1", "GNU.sparse.size": "1" + "0" * 30})],
        'format: layer: entry "a": no system has files of its size',
    ),
    "a time beyond all numbers": (
        [file("a", pax={"mtime": "1e999999999"})],
        'format: layer: an extended header has no time for "mtime"',
    ),
    "a time that is none": (
        [file("a", pax={"mtime": "nan"})],
        'format: layer: an extended header has no time for "mtime"',
    ),
    "a number that is none": (
        [file("a", pax={"uid": "--1"})],
        'format: layer: an extended header has no number for "uid"',
    ),
    "an attribute without a name": (
        [file("a", pax={"SCHILY.xattr.": "x"})],
        'format: layer: entry "a": an extended attribute has no proper name',
    ),
    "sparse regions that overlap": (
        [file("a", b"12", pax={"GNU.sparse.map": "5,1,0,1", "GNU.sparse.size": "9"})],
        "format: layer: the regions of a sparse file overlap or go backwards",
    ),
    "sparse regions beyond the end": (
        [file("a", b"12", pax={"GNU.sparse.map": "8,2", "GNU.sparse.size": "9"})],
        "format: layer: a region of a sparse file is beyond its end",
    ),
    "sparse regions of other data": (
        [file("a", b"12", pax={"GNU.sparse.map": "0,1", "GNU.sparse.size": "9"})],
        "format: layer: a sparse file has 2 bytes of data, its map is about 1",
    ),
    "a sparse map without end": (
        [
            file(
                "a",
                b"9" * 4096,
                pax={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9"},
            )
        ],
        "format: layer: the map of a sparse file has no line ends",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_line(root: Path, case: str) -> None:
    entries, wanted = REFUSED[case]
    assert refusal(root, archive(*entries)) == wanted


MANY = archive(*(file(f"{number}") for number in range(40)))
SMALL = Limits(
    entries=30, archive_bytes=100_000, depth=20, name_bytes=300, header_bytes=5000, regions=10
)


@pytest.mark.parametrize(
    ("layer", "wanted"),
    [
        (MANY, "it has more than 30 entries"),
        (archive(file("a", bytes(200_000))), "it unpacks to more than 100000 bytes"),
        (archive(file("a")) + bytes(200_000), "it unpacks to more than 100000 bytes"),
        (archive(file("a/" * 25 + "b")), "it is more than 20 directories deep"),
        (archive(file("n" * 301)), "its name has more than 300 bytes"),
        (archive(file("n" * 301), form=tarfile.GNU_FORMAT), "its name has more than 300 bytes"),
        (archive(symlink("a", "n" * 301)), "it links to a name of more than 300 bytes"),
        (archive(file("a", pax={"comment": "c" * 6000})), "its extended headers have 60"),
        (archive(file("n" * 6000), form=tarfile.GNU_FORMAT), "its extended headers have 6001"),
        (
            archive(file("a", pax={"GNU.sparse.map": "0,0," * 20, "GNU.sparse.size": "9"})),
            "a sparse file has more than 10 regions of data",
        ),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_limits(root: Path, layer: bytes, wanted: str) -> None:
    found = refusal(root, layer, limits=SMALL)
    assert found.startswith("limit: ")
    assert wanted in found


def test_a_file_larger_than_most_file_systems_have(root: Path) -> None:
    size = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(2**63 - 1)}
    layer = archive(file("a", b"1", pax=size))
    try:
        unpack(root, layer)
    except LayerError:
        assert "the file system takes no such file: " in refusal(root, layer)
    else:
        assert (root / "a").stat().st_size == 2**63 - 1


def test_directories_that_names_bring_are_counted(root: Path) -> None:
    layer = archive(*(file(f"{number}/a/b/c/d") for number in range(9)))
    assert "its names need more than 30 directories" in refusal(root, layer, limits=SMALL)


def test_headers_for_all_entries_are_bounded(root: Path) -> None:
    """Each entry of 512 bytes would bring all of these attributes."""
    out = io.BytesIO()
    attributes = {f"SCHILY.xattr.user.{number}": "x" * 500 for number in range(100)}
    with tarfile.open(
        fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers=attributes
    ) as writer:
        writer.addfile(file("a")[0])
    assert "its headers for all entries have" in refusal(root, out.getvalue())


def test_depth_counts_the_links(root: Path) -> None:
    layers = [
        archive(directory("a/" * 15), symlink("l", "a/" * 15), symlink("m", "l/" + "b/" * 15)),
        archive(file("m/c")),
    ]
    assert "it is more than 20 directories deep" in refusal(root, *layers, limits=SMALL)


def test_only_the_last_of_several_extended_headers_is_kept(root: Path) -> None:
    extended = archive(file("a", pax={"comment": "c" * 3000}))[: 512 + 3072]
    assert "has no entry behind it" in refusal(root, extended * 20, limits=SMALL)


def test_a_size_that_is_a_lie_costs_nothing(root: Path) -> None:
    """A terabyte is refused by the header, before its bytes come."""
    made = file("a")
    made[0].size = 1 << 41
    assert "it unpacks to more than" in refusal(root, made[0].tobuf(tarfile.GNU_FORMAT))
    assert contents(root) == {}


class TestDamage:
    WHOLE = archive(
        directory("d"),
        file("d/large", os.urandom(3000)),
        file("long" * 60, "x", pax={"mtime": "1.5"}),
        end=False,
    )

    def test_cut_anywhere_between_entries_is_an_end_and_elsewhere_an_error(
        self, root: Path
    ) -> None:
        ends = {0, 512, len(self.WHOLE)}
        # The padding of a file, of 3000 bytes and of one byte, may be missing.
        ends |= set(range(1024 + 3000, 1024 + 3072 + 1))
        ends |= set(range(len(self.WHOLE) - 511, len(self.WHOLE)))
        for length in range(0, len(self.WHOLE) + 1, 128):
            if length in ends:
                unpack(root, self.WHOLE[:length])
            else:
                assert refusal(root, self.WHOLE[:length]).startswith("truncated: "), length

    @pytest.mark.parametrize("padding", [0, 512, 1024, 1000, 10_240, 2_000_000])
    def test_zeros_may_follow(self, root: Path, padding: int) -> None:
        unpack(root, self.WHOLE + bytes(padding))

    @pytest.mark.parametrize(
        "trailing", [bytes(512) + b"x" * 512, bytes(2_000_000) + b"x", bytes(1024) + MANY]
    )
    def test_anything_else_is_passed_over_and_noted(self, root: Path, trailing: bytes) -> None:
        (report,) = unpack(root, self.WHOLE + trailing)
        assert report.notes == ["ignored bytes behind the end of the archive"]
        assert sorted(contents(root)) == ["d", "d/large", "long" * 60]

    def test_entries_behind_a_single_block_of_zeros(self, root: Path) -> None:
        """Some readers end there, others fail, and none of them says that files are missing."""
        found = refusal(root, self.WHOLE + bytes(512) + MANY)
        assert "entries follow a single block of zeros" in found

    def test_last_file_without_padding(self, root: Path) -> None:
        (report,) = unpack(root, self.WHOLE[:-511])
        assert report.notes == ["the archive ends with its last file, without padding"]
        assert contents(root)["long" * 60] == "x"

    @pytest.mark.parametrize("content", [b"x" * 4096, os.urandom(5000), b"<html>" + b" " * 600])
    def test_no_archive_at_all(self, root: Path, content: bytes) -> None:
        assert "this is no tar archive, or a damaged one" in refusal(root, content)

    def test_types_of_entries_that_are_not_known(self, root: Path) -> None:
        made = file("a")[0]
        made.type = b"M"
        found = refusal(root, made.tobuf(tarfile.GNU_FORMAT))
        assert found.startswith('unsupported: layer: entry "a": a part of an archive of several')

    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        max_examples=150,
    )
    @given(data=st.data())
    def test_any_damage_is_an_error_or_harmless(self, root: Path, data: st.DataObject) -> None:
        made = bytearray(
            archive(
                symlink("out", "../../outside"),
                file("sparse", b"12", pax={"GNU.sparse.map": "0,1,5,1", "GNU.sparse.size": "9"}),
                link("hard", "out/file"),
                file("out/directory/file", "1"),
                entry("out/.wh.file"),
            )
        )
        for _ in range(data.draw(st.integers(1, 6))):
            header = data.draw(st.integers(0, len(made) // 512 - 1)) * 512
            at = header + data.draw(st.integers(0, 511))
            made[at] = data.draw(
                st.sampled_from(b"\0\xff\x80/.0157LKxgS \n=") | st.integers(0, 255)
            )
            made[header + 148 : header + 156] = b" " * 8
            made[header + 148 : header + 156] = b"%06o\0 " % sum(made[header : header + 512])
        with suppress(streams.StreamError, OSError):
            unpack(root, bytes(made), limits=replace(SMALL, depth=40))
