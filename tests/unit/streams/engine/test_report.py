"""The report: exact bytes, plausible seconds, the right bottleneck, readable at any time."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from imgadm import streams
from tests.unit.streams.http.servers import Answer, Server
from tests.unit.streams.stages import Collect, Forward, Supply, pieces

CONTENT = bytes(range(256)) * 16_000
COMPRESSED = gzip.compress(CONTENT)


def figures(report: streams.Report) -> list[tuple[str, int, int]]:
    return [(stage.name, stage.bytes_in, stage.bytes_out) for stage in report.stages]


def test_bytes_are_exact_at_every_stage(way: str, server: Server, tmp_path: Path) -> None:
    count = len(CONTENT)
    report = streams.run(
        streams.http_get(server.plan(Answer(CONTENT))),
        streams.checksum("sha1"),
        streams.decompress("none"),
        streams.write_file(tmp_path / "file"),
    )
    assert figures(report) == [
        (name, count, count) for name in ("fetch", "checksum", "decompress", "write")
    ]
    assert (report.bytes_in, report.total, report.bytes_out) == (count, count, count)


def test_bytes_that_grow_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(COMPRESSED)
    report = streams.run(
        streams.read_file(path),
        streams.checksum("sha1"),
        streams.decompress(),
        streams.into_process(["cat"]),
    )
    packed, count = len(COMPRESSED), len(CONTENT)
    assert figures(report) == [
        ("read", packed, packed),
        ("checksum", packed, packed),
        ("decompress", packed, count),
        ("cat", count, count),
    ]
    assert (report.bytes_in, report.total, report.bytes_out) == (packed, packed, count)
    assert report.facts == {
        "sha1": hashlib.sha1(COMPRESSED).hexdigest(),
        "size": packed,
        "compression": "gzip",
    }


def assert_seconds_add_up(report: streams.Report) -> None:
    for stage in report.stages:
        spent = stage.busy + stage.waiting_for_input + stage.waiting_for_output
        assert 0 <= spent <= report.elapsed + 0.01
        assert stage.busy >= 0
        assert stage.waiting_for_input >= 0
        assert stage.waiting_for_output >= 0


PAUSE = 0.03


def pause() -> None:
    time.sleep(PAUSE)


def test_a_slow_source_is_the_bottleneck(way: str, server: Server) -> None:
    url = server.plan(Answer(CONTENT, piece=400_000, pause=PAUSE))
    sink = Collect(keep=False)
    report = streams.run(streams.http_get(url), streams.checksum("sha1"), sink)
    assert_seconds_add_up(report)
    assert report.bottleneck.name == "fetch"
    assert report.stages[0].busy > 0.8 * report.elapsed
    assert report.stages[1].waiting_for_input > 0.5 * report.elapsed
    assert report.stages[0].waiting_for_output < 0.2 * report.elapsed


def test_a_slow_stage_in_the_middle_is_the_bottleneck() -> None:
    report = streams.run(
        Supply(pieces(CONTENT, 200_000)), streams.checksum("sha1"), Forward(pause), Collect()
    )
    assert_seconds_add_up(report)
    assert report.bottleneck.name == "forward"
    assert report.stages[0].waiting_for_output > 0.3 * report.elapsed
    assert report.stages[1].waiting_for_output > 0.3 * report.elapsed
    assert report.stages[3].waiting_for_input > 0.5 * report.elapsed


def test_a_slow_sink_is_the_bottleneck(way: str) -> None:
    report = streams.run(
        Supply(pieces(CONTENT, 100_000)),
        streams.checksum("sha1"),
        Collect(on_piece=pause),
    )
    assert_seconds_add_up(report)
    assert report.bottleneck.name == "collect"


def test_a_slow_program_is_the_bottleneck(way: str) -> None:
    slow = "for i in 1 2 3 4 5 6 7 8; do head -c 500000; sleep 0.03; done; cat"
    report = streams.run(
        Supply(pieces(CONTENT, 100_000)),
        streams.checksum("sha1"),
        streams.into_process(["sh", "-c", slow]),
    )
    assert_seconds_add_up(report)
    assert report.bottleneck.name == "sh"


def test_it_can_be_read_while_it_runs_and_only_grows(way: str) -> None:
    seen: list[streams.Report] = []
    bytes_seen: list[int] = []
    busy: dict[str, float] = {}

    def look(report: streams.Report) -> None:
        assert threading.current_thread() is threading.main_thread()
        seen.append(report)
        bytes_seen.append(report.bytes_in)
        for stage in report.stages:
            waited = stage.waiting_for_input + stage.waiting_for_output
            assert waited >= busy.get(stage.name, 0.0) - 1e-9
            busy[stage.name] = waited

    report = streams.run(
        Supply(pieces(CONTENT, 100_000)),
        streams.checksum("sha1"),
        Collect(on_piece=lambda: time.sleep(0.005)),
        on_progress=look,
        interval=0.01,
    )
    assert len(seen) > 3
    assert all(it is report for it in seen)
    assert bytes_seen == sorted(bytes_seen)
    assert bytes_seen[-1] == len(CONTENT)
    elapsed = report.elapsed
    time.sleep(0.02)
    assert report.elapsed == elapsed


def test_progress_is_told_about_as_often_as_asked() -> None:
    calls: list[float] = []
    streams.run(
        Supply(pieces(CONTENT, 400_000)),
        Forward(pause),
        Collect(),
        on_progress=lambda report: calls.append(report.elapsed),
        interval=0.05,
    )
    *regular, last = calls
    assert len(regular) >= 3
    assert all(later - earlier >= 0.05 for earlier, later in itertools.pairwise(regular))
    assert last >= regular[-1]


def test_notes_are_gathered_in_the_order_of_the_stages(server: Server) -> None:
    cut = Answer(COMPRESSED + b"rest", send=1000)
    report = streams.run(
        streams.http_get(server.plan(cut, Answer(COMPRESSED + b"rest"))),
        streams.decompress("gzip"),
        Collect(),
    )
    assert report.notes == [
        "the connection was lost and resumed once",
        "ignored 4 bytes after the end of the gzip data",
    ]
    assert [stage.notes for stage in report.stages] == [report.notes[:1], report.notes[1:], []]


def test_peak_memory_is_that_of_this_process() -> None:
    program = (
        "from imgadm import streams; from tests.unit.streams.stages import Collect, Supply\n"
        "print(streams.run(Supply([b'x']), Collect()).peak_memory)"
    )
    keep = bytearray(300_000_000)
    keep[::4096] = bytes(len(keep[::4096]))
    root = Path(__file__).parents[4]
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=root, check=True, capture_output=True, text=True
    )
    assert 5_000_000 < int(said.stdout) < 150_000_000


@pytest.mark.parametrize("stages", [0, 1])
def test_a_report_of_a_run_that_failed_is_not_returned(stages: int) -> None:
    with pytest.raises(ValueError, match="a source and a sink"):
        streams.run(*[Supply([])] * stages)
