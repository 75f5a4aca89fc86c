"""Programs that are lent the memory of our buffers get what was in them when it was sent."""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from imgadm import streams
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage
from tests.unit.streams.stages import Supply, unending

#: Lets its pipe fill up, then reads it in odd pieces, now and then slowly.
SLOW_READER = """
import hashlib, os, sys, time
digest = hashlib.sha256()
time.sleep(0.2)
turn = 0
while piece := os.read(0, 60_001):
    digest.update(piece)
    turn += 1
    if turn % 50 == 0:
        time.sleep(0.002)
open(sys.argv[1], "w").write(digest.hexdigest())
"""


class Refill(Stage):
    """Fills buffers of the pipeline, the same ones again and again, each time with news."""

    name = "refill"
    role = "source"

    def __init__(self, sizes: list[int]) -> None:
        self._sizes = sizes
        self.digest = hashlib.sha256()
        self.places: set[int] = set()

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        for number, size in enumerate(self._sizes):
            buffer = outlet.buffer()
            self.places.add(id(buffer.view.obj))
            buffer.view[:size] = (number.to_bytes(4) * (size // 4 + 1))[:size]
            self.digest.update(buffer.view[:size])
            outlet.put(buffer.keep(size))


def reader(script: str, *arguments: str) -> streams.Stage:
    return streams.into_process([sys.executable, "-I", "-c", script, *arguments], copies_input=True)


def run(pieces: Iterable[bytes], sink: streams.Stage) -> streams.Report:
    """By way of a stage that hands on buffers, or the pipe of the program would be written to."""
    return streams.run(Supply(pieces), streams.checksum("md5"), sink)


def test_a_slow_reader_sees_no_buffer_that_was_filled_again(way: str, tmp_path: Path) -> None:
    chance = random.Random(5)
    sizes = [chance.choice([1, 4095, 70_001, 500_000, 1 << 20]) for _ in range(300)]
    refill, path = Refill(sizes), tmp_path / "digest"
    report = streams.run(refill, reader(SLOW_READER, str(path)))
    assert path.read_text() == refill.digest.hexdigest()
    assert report.bytes_out == sum(sizes)
    assert len(refill.places) < len(sizes) / 3, "buffers are not used again"


def test_many_small_pieces_hold_few_buffers(way: str, tmp_path: Path) -> None:
    refill, path = Refill([100] * 2000), tmp_path / "digest"
    streams.run(refill, reader(SLOW_READER, str(path)))
    assert path.read_text() == refill.digest.hexdigest()
    assert len(refill.places) < 20, "a buffer of 1 MiB each"


def test_nothing_but_the_end(way: str) -> None:
    script = "import sys; sys.exit(len(sys.stdin.buffer.read()))"
    assert run([], reader(script)).bytes_out == 0


def test_a_reader_that_ends_early(way: str) -> None:
    with pytest.raises(streams.StreamError, match="ended before it had read everything"):
        run(unending(), reader("import os; os.read(0, 1000)"))


def test_a_reader_that_fails(way: str) -> None:
    script = "import os, sys; os.read(0, 9); print('enough', file=sys.stderr); sys.exit(3)"
    with pytest.raises(streams.ProcessError, match="exit code 3: enough"):
        run(unending(), reader(script))


def test_a_failure_ends_a_reader_that_reads_no_more(way: str) -> None:
    def breaks() -> Iterator[bytes]:
        yield bytes(8 << 20)
        raise LookupError("the source broke")

    with pytest.raises(LookupError):
        run(breaks(), reader("import time; time.sleep(600)"))
