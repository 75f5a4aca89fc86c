"""A sink that takes everything and keeps nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgadm import streams
from tests.unit.streams.engine.test_endings import Trouble
from tests.unit.streams.stages import Collect, Supply, unending


@pytest.mark.parametrize("size", [0, 1, 5_000_001])
def test_everything_is_taken(way: str, tmp_path: Path, size: int) -> None:
    (tmp_path / "file").write_bytes(bytes(size))
    checked, kept = (
        streams.run(streams.read_file(tmp_path / "file"), streams.checksum("sha1"), sink)
        for sink in (streams.discard(), Collect())
    )
    assert checked.facts == kept.facts
    assert checked.bytes_out == size
    last = checked.stages[-1]
    assert (last.name, last.bytes_in, last.bytes_out) == ("discard", size, size)


def test_a_failure_is_no_success(way: str) -> None:
    def breaks() -> object:
        yield b"some"
        raise Trouble

    with pytest.raises(Trouble):
        streams.run(Supply(breaks()), streams.discard())  # type: ignore[arg-type]


def test_an_unending_stream_can_be_interrupted(way: str) -> None:
    def enough(report: streams.Report) -> None:
        if report.bytes_out > 1_000_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        streams.run(Supply(unending()), streams.discard(), on_progress=enough, interval=0.01)
