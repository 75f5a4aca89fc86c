"""A file between two pipelines: followed while it grows, complete only when it is verified."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from imgadm import streams
from tests.unit.streams.stages import Collect, Supply

PIECES = [bytes([number]) * 300_000 for number in range(12)]
CONTENT = b"".join(PIECES)


def test_reader_gets_all_that_is_written(tmp_path: Path) -> None:
    spool = streams.Spool(tmp_path / "spool", len(CONTENT))
    streams.run(Supply(PIECES), spool.writer())
    for _ in range(2):
        collect = Collect()
        report = streams.run(spool.reader(), collect)
        assert bytes(collect.content) == CONTENT
        assert (report.bytes_in, report.total) == (len(CONTENT), len(CONTENT))


def test_reader_follows_a_writer_that_is_slow(tmp_path: Path) -> None:
    spool = streams.Spool(tmp_path / "spool")
    first_was_read = threading.Event()

    def pieces():  # type: ignore[no-untyped-def]
        yield PIECES[0]
        assert first_was_read.wait(30)
        yield from PIECES[1:]

    writing = threading.Thread(target=lambda: streams.run(Supply(pieces()), spool.writer()))
    writing.start()
    collect = Collect(on_piece=first_was_read.set)
    report = streams.run(spool.reader(), collect)
    writing.join()
    assert bytes(collect.content) == CONTENT
    assert report.total is None


@pytest.mark.parametrize("size", [0, 1])
def test_small_spools(size: int, tmp_path: Path) -> None:
    spool = streams.Spool(tmp_path / "spool")
    streams.run(Supply([b"x"] * size), spool.writer())
    collect = Collect()
    streams.run(spool.reader(), collect)
    assert (bytes(collect.content), collect.saw_end) == (b"x" * size, True)


def test_end_is_shown_only_after_the_writers_check_has_passed(tmp_path: Path) -> None:
    spool = streams.Spool(tmp_path / "spool", len(CONTENT))
    wrong = hashlib.sha256(b"other").hexdigest()

    def write() -> None:
        with pytest.raises(streams.ChecksumError):
            streams.run(Supply(PIECES), streams.checksum("sha256", expected=wrong), spool.writer())
        spool.fail()

    writing = threading.Thread(target=write)
    writing.start()
    collect = Collect()
    with pytest.raises(streams.SpoolError):
        streams.run(spool.reader(), collect)
    writing.join()
    assert not collect.saw_end


def test_failure_after_the_end_changes_nothing(tmp_path: Path) -> None:
    spool = streams.Spool(tmp_path / "spool")
    streams.run(Supply(PIECES), spool.writer())
    spool.fail()
    collect = Collect()
    streams.run(spool.reader(), collect)
    assert bytes(collect.content) == CONTENT


def test_reader_that_waits_is_ended_at_once(tmp_path: Path) -> None:
    spool = streams.Spool(tmp_path / "spool")

    class EnoughError(Exception):
        pass

    def stop(_: streams.Report) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        streams.run(spool.reader(), Collect(), on_progress=stop, interval=0.05)


def test_file_that_was_cut_is_no_end(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    spool = streams.Spool(path)
    streams.run(Supply(PIECES), spool.writer())
    with path.open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(streams.SpoolError, match="cut to 1000 bytes"):
        streams.run(spool.reader(), Collect())


def test_writer_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        streams.run(Supply(PIECES), streams.Spool(path).writer())
    assert path.read_bytes() == b"mine"
