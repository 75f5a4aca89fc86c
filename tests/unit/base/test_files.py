"""Files that are replaced whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imgadm.base.errors import FileSystemError
from imgadm.base.files.replacement import read_or_none, write_atomically


def test_a_new_file_has_the_usual_mode(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a" / "b", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o640


def test_a_replaced_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o606)
    write_atomically(path, b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o606)


def test_a_link_keeps_pointing(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", b"new", follow=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(FileSystemError) as caught:
        write_atomically(tmp_path / "a", b"new")
    assert (caught.value.code, caught.value.message) == (
        "EISDIR",
        f'cannot write "{tmp_path / "a"}": Is a directory',
    )
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_in_the_way_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(FileSystemError) as caught:
        write_atomically(tmp_path / "a" / "b", b"new")
    assert caught.value.code in {"EEXIST", "ENOTDIR"}


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    assert read_or_none(tmp_path / "a") is None


def test_what_is_no_small_file(tmp_path: Path) -> None:
    """A configuration or a record may be anything: nothing is waited for, or read without end."""
    os.mkfifo(tmp_path / "pipe")
    assert read_or_none(tmp_path / "pipe") == b""
    (tmp_path / "device").symlink_to("/dev/zero")
    with pytest.raises(FileSystemError, match="File too large"):
        read_or_none(tmp_path / "device")
