"""Files as source and sink, and what the kernel can't move by itself."""

from __future__ import annotations

import errno
import os
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgadm import streams
from tests.unit.streams.stages import Collect, Supply, pieces

CONTENT = bytes(range(256)) * 10_000


def copy(source: Path | str, sink: Path, **options: bool) -> streams.Report:
    return streams.run(streams.read_file(source), streams.write_file(sink, **options))


@pytest.mark.parametrize("size", [0, 1, 4096, 524_287, 524_288, 524_289, len(CONTENT)])
@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_copied(way: str, tmp_path: Path, size: int, durable: bool) -> None:
    (tmp_path / "from").write_bytes(CONTENT[:size])
    report = copy(tmp_path / "from", tmp_path / "to", durable=durable)
    assert (tmp_path / "to").read_bytes() == CONTENT[:size]
    assert report.total == report.bytes_in == size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["from", "to"]


def test_a_file_that_was_there_is_replaced(way: str, tmp_path: Path) -> None:
    (tmp_path / "from").write_bytes(CONTENT)
    (tmp_path / "to").write_bytes(b"longer" * len(CONTENT))
    (tmp_path / "to.0123abcd.partial").write_bytes(b"what a dead process left" * len(CONTENT))
    (tmp_path / "to.partial").write_bytes(b"somebody's own file")
    copy(tmp_path / "from", tmp_path / "to")
    assert (tmp_path / "to").read_bytes() == CONTENT
    assert (tmp_path / "to.partial").read_bytes() == b"somebody's own file"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["from", "to", "to.partial"]


def test_a_pipe_is_read_to_its_end(way: str, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=[CONTENT])
    writer.start()
    report = copy(fifo, tmp_path / "to")
    writer.join()
    assert (tmp_path / "to").read_bytes() == CONTENT
    assert report.total is None


class Enough(Exception):
    pass


def test_a_silent_pipe_keeps_nobody_waiting(way: str, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    keeper = os.open(fifo, os.O_RDWR)

    def enough(report: streams.Report) -> None:
        raise Enough

    try:
        with pytest.raises(Enough):
            streams.run(streams.read_file(fifo), Collect(), on_progress=enough, interval=0.05)
    finally:
        os.close(keeper)


def test_files_that_the_kernel_does_not_splice(way: str, tmp_path: Path) -> None:
    copy("/proc/self/cmdline", tmp_path / "to")
    assert (tmp_path / "to").read_bytes() == Path("/proc/self/cmdline").read_bytes()


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("missing", FileNotFoundError),
        ("", IsADirectoryError),
        ("file/below", NotADirectoryError),
    ],
)
def test_a_source_that_cannot_be_read(
    way: str, tmp_path: Path, path: str, error: type[OSError]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(error) as caught:
        streams.run(streams.read_file(tmp_path / path), Collect())
    assert caught.value.__notes__ == ["in stage: read"]
    assert str(tmp_path / path) in str(caught.value)


@pytest.mark.parametrize("path", ["missing/file", "file/below"])
def test_a_sink_that_cannot_be_made(way: str, tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=r"No such file|Not a directory") as caught:
        streams.run(Supply([b"x"]), streams.write_file(tmp_path / path))
    assert caught.value.__notes__ == ["in stage: write"]


@pytest.fixture
def little_room() -> Iterator[None]:
    """Files may not grow beyond 1 MB."""
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, old)


def test_no_more_room(way: str, tmp_path: Path, little_room: None) -> None:
    with pytest.raises(OSError, match="File too large") as caught:
        streams.run(Supply(pieces(CONTENT, 100_000)), streams.write_file(tmp_path / "file"))
    assert caught.value.errno == errno.EFBIG
    assert caught.value.__notes__ == ["in stage: write"]
    assert list(tmp_path.iterdir()) == []
