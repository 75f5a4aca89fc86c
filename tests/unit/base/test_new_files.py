"""New files, beside whatever somebody else has put there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imgadm import streams
from imgadm.base.errors import FileSystemError
from imgadm.base.files.creation import NewFile, cut_name, remove_dead_partials
from imgadm.base.files.opening import open_directory, open_regular
from imgadm.base.files.replacement import make_directory, write_atomically
from tests.planted import NOBODY, SPECIAL, plant_hard_link
from tests.python_path import PYTHON_PATH


def write_new_file(path: Path) -> None:
    with NewFile(path) as file:
        os.write(file.descriptor, b"new")
        file.commit()


def write_with_a_pipeline(path: Path) -> None:
    path.with_name("from").write_bytes(b"new")
    streams.run(streams.read_file(path.with_name("from")), streams.write_file(path))


def write_as_state(path: Path) -> None:
    try:
        write_atomically(path, b"new")
    except FileSystemError as error:
        raise error.cause or error from None


WRITERS = (write_new_file, write_with_a_pipeline, write_as_state)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("plant", SPECIAL)
def test_nothing_but_a_regular_file_is_replaced(
    write: Callable[[Path], None], plant: Callable[[Path], None], tmp_path: Path
) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    plant(tmp_path / "to")
    before = (tmp_path / "to").lstat()
    with pytest.raises(OSError, match=r"nothing but a regular file is replaced|Is a directory"):
        write(tmp_path / "to")
    assert os.path.samestat((tmp_path / "to").lstat(), before)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert {path.name for path in tmp_path.iterdir()} <= {"to", "precious", "from"}


@pytest.mark.parametrize("write", WRITERS)
def test_a_device_stays_a_device(write: Callable[[Path], None], tmp_path: Path) -> None:
    try:
        os.mknod(tmp_path / "to", 0o020666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("needs the right to make devices")
    with pytest.raises(OSError, match="there is a device"):
        write(tmp_path / "to")
    assert (tmp_path / "to").is_char_device()


@pytest.mark.parametrize("write", WRITERS)
def test_of_a_hard_link_only_the_name_is_replaced(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    plant_hard_link(tmp_path / "to")
    write(tmp_path / "to")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (tmp_path / "to").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["", ".", "..", "a/"])
def test_a_name_that_no_file_can_have(name: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        NewFile(f"{tmp_path}/{name}")


@pytest.mark.parametrize("length", [1, 237, 238, 239, 254, 255])
@pytest.mark.parametrize("write", WRITERS)
def test_long_names(write: Callable[[Path], None], length: int, tmp_path: Path) -> None:
    write(tmp_path / ("x" * length))
    assert (tmp_path / ("x" * length)).read_bytes() == b"new"


def test_no_more_than_nothing_is_replaced_where_that_is_asked_for(tmp_path: Path) -> None:
    with NewFile(tmp_path / "to") as file:
        (tmp_path / "to").write_bytes(b"theirs")
        with pytest.raises(FileExistsError):
            file.commit(replace=False)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"theirs"]


def test_where_no_links_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    with NewFile(tmp_path / "to") as file:
        file.commit(replace=False)
    with NewFile(tmp_path / "to") as file, pytest.raises(FileExistsError):
        file.commit(replace=False)
    assert [path.name for path in tmp_path.iterdir()] == ["to"]


def test_a_file_that_was_exchanged_gets_no_name(tmp_path: Path) -> None:
    with NewFile(tmp_path / "to") as file:
        (mine,) = tmp_path.iterdir()
        mine.unlink()
        mine.write_bytes(b"theirs")
        with pytest.raises(PermissionError, match="put something else in the place"):
            file.commit()
    assert not (tmp_path / "to").exists()
    assert mine.read_bytes() == b"theirs"


def test_a_directory_that_was_exchanged(tmp_path: Path) -> None:
    """The file goes where it was begun."""
    (tmp_path / "a").mkdir()
    with NewFile(tmp_path / "a" / "to") as file:
        (tmp_path / "a").rename(tmp_path / "b")
        (tmp_path / "etc").mkdir()
        (tmp_path / "a").symlink_to("etc")
        file.commit()
    assert list((tmp_path / "etc").iterdir()) == []
    assert (tmp_path / "b" / "to").exists()


WRITE = """
import sys
from imgadm.base.files.creation import NewFile
file = NewFile(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def test_partial_files_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", WRITE, str(tmp_path / "to")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": PYTHON_PATH},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        return process

    def partials() -> int:
        return len(list(tmp_path.glob("to.*.partial")))

    dead, living = start(), start()
    assert partials() == 2
    dead.send_signal(signal.SIGKILL)
    dead.communicate()
    remove_dead_partials(tmp_path / "to")
    assert partials() == 1
    with NewFile(tmp_path / "to"):
        assert partials() == 2
    living.kill()
    living.communicate()
    write_new_file(tmp_path / "to")
    assert [path.name for path in tmp_path.iterdir()] == ["to"]


def test_what_looks_like_a_partial_file(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    for number, plant in enumerate(SPECIAL):
        plant(tmp_path / f"to.0000000{number}.partial")
    before = {path.name for path in tmp_path.iterdir()}
    write_new_file(tmp_path / "to")
    assert {path.name for path in tmp_path.iterdir()} == before | {"to"}
    assert (tmp_path / "precious").read_bytes() == b"precious"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs files of another user")
@pytest.mark.parametrize(
    ("mode", "owner", "followed"),
    [
        (0o1777, NOBODY, False),
        (0o777, NOBODY, False),
        (0o1777, 0, True),
        (0o755, NOBODY, True),
        (0o1775, NOBODY, True),
    ],
)
def test_links_on_the_way(mode: int, owner: int, followed: bool, tmp_path: Path) -> None:
    shared, private = tmp_path / "shared", tmp_path / "private"
    private.mkdir()
    shared.mkdir()
    shared.chmod(mode)
    (shared / "link").symlink_to("../private")
    os.chown(shared / "link", owner, owner, follow_symlinks=False)
    (tmp_path / "to-link").symlink_to(shared / "link")
    for path in (shared / "link", tmp_path / "to-link"):
        for name in ("to", "../private/to"):
            if followed:
                write_new_file(path / name)
                (private / "to").unlink()
            else:
                with pytest.raises(PermissionError, match="in a directory that everybody may"):
                    write_new_file(path / name)
    assert list(private.iterdir()) == []


@pytest.mark.parametrize("path", ["loop", "file/x", "missing", "file"])
def test_directories_that_are_none(path: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=str(tmp_path)) as here:
        open_directory(tmp_path / path)
    with pytest.raises(OSError, match=r".") as kernel:
        os.open(tmp_path / path, os.O_RDONLY | os.O_DIRECTORY)
    assert here.value.errno == kernel.value.errno


@pytest.mark.parametrize("flags", [os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC])
def test_without_a_way_to_search_only(
    flags: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every kernel has O_PATH, or O_SEARCH."""
    monkeypatch.setattr("imgadm.base.files.opening._SEARCH", flags)
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a/.")
    write_new_file(tmp_path / "link" / "to")
    assert (tmp_path / "a" / "to").exists()


@pytest.mark.parametrize("plant", SPECIAL)
def test_only_regular_files_are_opened(plant: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    plant(tmp_path / "file")
    for flags in (os.O_RDONLY, os.O_RDWR):
        with pytest.raises(OSError, match=r"a regular file is wanted|Is a directory"):
            open_regular(tmp_path / "file", flags)


def test_a_long_name_is_cut_between_characters() -> None:
    for name, kept in (("x" * 255, 250), ("ü" * 127, 250), ("x" + "ü" * 127, 249), ("€" * 85, 249)):
        assert cut_name(name, 5).encode() == name.encode()[:kept]
    assert cut_name("ü", 5) == "ü"
    assert cut_name("\udce9" * 255, 5) == "\udce9" * 250  # no UTF-8


@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o777])
def test_modes(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        make_directory(tmp_path / "state" / "images")
        write_atomically(tmp_path / "state" / "record", b"x")
        write_atomically(tmp_path / "state" / "secret", b"x", private=True)
        (tmp_path / "state" / "opened").touch(0o644)
        (tmp_path / "state" / "opened").chmod(0o644)
        write_atomically(tmp_path / "state" / "opened", b"x", private=True)
        write_new_file(tmp_path / "image")
    finally:
        os.umask(before)

    def mode(name: str) -> int:
        return (tmp_path / name).stat().st_mode & 0o7777

    assert mode("state") == mode("state/images") == 0o755 & ~umask | 0o700
    assert mode("state/record") == 0o644 & ~umask | 0o600
    assert mode("state/secret") == mode("state/opened") == 0o600
    assert mode("image") == 0o666 & ~umask


@pytest.mark.skipif(os.geteuid() != 0, reason="needs files of another user")
def test_a_replaced_file_stays_its_owners(tmp_path: Path) -> None:
    (tmp_path / "record").touch()
    (tmp_path / "record").chmod(0o640)
    os.chown(tmp_path / "record", NOBODY, 7)
    write_atomically(tmp_path / "record", b"new")
    status = (tmp_path / "record").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (NOBODY, 7, 0o640)
