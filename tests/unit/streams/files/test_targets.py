"""Writers replace nothing but regular files, and leave the files of others beside them alone."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from imgadm import streams
from tests.unit.streams.stages import Supply, unending

CONTENT = b"some bytes" * 1000

Target = Callable[[Path], None]


def device(path: Path) -> None:
    """A private node of the null device."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")


def block_device(path: Path) -> None:
    """A node of a disk that is not there."""
    try:
        os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(240, 255))
    except PermissionError:
        pytest.skip("only root makes devices")


def bound_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(path.parent)  # the name of a socket must be short
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


def link_to(make: Target) -> Target:
    def linked(path: Path) -> None:
        make(path.with_name("linked"))
        path.symlink_to("linked")

    return linked


KINDS: dict[str, Target] = {
    "device": device,
    "block device": block_device,
    "named pipe": os.mkfifo,
    "socket": bound_socket,
    "directory": Path.mkdir,
    "file": Path.touch,
}
TARGETS = {
    **{name: make for name, make in KINDS.items() if name != "file"},
    **{f"link to {name}": link_to(make) for name, make in KINDS.items()},
    "link to nothing": lambda path: path.symlink_to("nothing"),
}


def look(directory: Path) -> dict[str, tuple[int, ...]]:
    found = {path.name: path.lstat() for path in directory.iterdir()}
    return {
        name: (status.st_ino, status.st_mode, status.st_rdev, status.st_size)
        for name, status in found.items()
    }


WRITERS: dict[str, Callable[[Path], streams.Stage]] = {
    "write_file": streams.write_file,
    "write_file without replace": lambda path: streams.write_file(path, replace=False),
    "write_file private": lambda path: streams.write_file(path, private=True),
    "Spool": lambda path: streams.Spool(path).writer(),
    "to_raw_disk": streams.to_raw_disk,
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("target", TARGETS)
def test_what_is_no_regular_file_stays(way: str, tmp_path: Path, target: str, writer: str) -> None:
    """It is refused before a byte has moved: the source would bring bytes for ever."""
    path = tmp_path / "target"
    TARGETS[target](path)
    before = look(tmp_path)
    with pytest.raises(OSError, match=str(path)) as caught:
        streams.run(Supply(unending()), WRITERS[writer](path))
    assert caught.value.errno
    assert look(tmp_path) == before


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("target", TARGETS)
def test_what_comes_to_be_meanwhile_stays(
    way: str, tmp_path: Path, target: str, replace: bool
) -> None:
    path, before = tmp_path / "target", {}

    def pieces() -> object:
        yield CONTENT
        TARGETS[target](path)
        before.update({name: it for name, it in look(tmp_path).items() if ".partial" not in name})

    with pytest.raises(OSError, match=str(path)):
        streams.run(
            Supply(pieces()),  # type: ignore[arg-type]
            streams.write_file(path, replace=replace),
        )
    assert look(tmp_path) == before


@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize("name", ["target.partial", "target.0123abcd", "target.0123ABCD.partial"])
def test_partial_files_of_others_stay(way: str, tmp_path: Path, name: str, fails: bool) -> None:
    (tmp_path / name).write_bytes(b"somebody's own")
    expected = "0" * 40 if fails else None
    try:
        streams.run(
            Supply([CONTENT]),
            streams.checksum("sha1", expected=expected),
            streams.write_file(tmp_path / "target"),
        )
    except streams.ChecksumError:
        assert fails
    assert (tmp_path / name).read_bytes() == b"somebody's own"
    assert (tmp_path / "target").exists() is not fails
    assert len(list(tmp_path.iterdir())) == (1 if fails else 2)


def test_a_partial_file_that_another_run_writes_stays(way: str, tmp_path: Path) -> None:
    path, inner = tmp_path / "target", []

    def pieces() -> object:
        yield b"outer"
        (partial,) = tmp_path.iterdir()
        streams.run(Supply([b"inner"]), streams.write_file(path))
        inner.append(path.read_bytes())
        assert partial.exists()

    streams.run(Supply(pieces()), streams.write_file(path))  # type: ignore[arg-type]
    assert inner == [b"inner"]
    assert path.read_bytes() == b"outer"
    assert list(tmp_path.iterdir()) == [path]


def test_a_regular_file_that_may_not_be_replaced_stays(way: str, tmp_path: Path) -> None:
    path = tmp_path / "target"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        streams.run(Supply([CONTENT]), streams.write_file(path, replace=False))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
