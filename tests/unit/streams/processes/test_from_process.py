"""Programs as the first stage: well, failing half way, slow, gone, and not to be left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgadm import streams
from tests.unit.streams.stages import Collect, children

CONTENT = bytes(range(256)) * 20_000


def shell(script: str, *arguments: str) -> streams.Stage:
    return streams.from_process(["sh", "-c", script, *arguments])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


def test_every_byte_comes_and_is_counted(way: str, source: Path, tmp_path: Path) -> None:
    report = streams.run(
        shell('cat "$0"', str(source)),
        streams.checksum("sha1"),
        streams.write_file(tmp_path / "copy"),
    )
    assert (tmp_path / "copy").read_bytes() == CONTENT
    assert [stage.bytes_out for stage in report.stages] == [len(CONTENT)] * 3
    assert (report.bytes_in, report.stages[0].name) == (len(CONTENT), "sh")


def test_stages_that_take_buffers_follow(way: str, source: Path) -> None:
    collected = Collect()
    streams.run(shell('cat "$0"', str(source)), collected)
    assert bytes(collected.content) == CONTENT


def test_a_program_feeds_a_program(way: str, source: Path, tmp_path: Path) -> None:
    into = streams.into_process(["sh", "-c", 'cat >"$0"', str(tmp_path / "copy")])
    streams.run(shell('cat "$0"', str(source)), into)
    assert (tmp_path / "copy").read_bytes() == CONTENT


@pytest.mark.parametrize("ending", ["exit 3", "kill -9 $$"])
def test_a_failure_at_the_end_is_seen_before_the_end(
    way: str, source: Path, tmp_path: Path, ending: str
) -> None:
    with pytest.raises(streams.ProcessError) as caught:
        streams.run(
            shell(f'cat "$0"; echo disk on fire >&2; {ending}', str(source)),
            streams.checksum("sha1"),
            streams.write_file(tmp_path / "copy"),
        )
    error = caught.value
    assert (error.program, error.stderr) == ("sh", "disk on fire")
    assert error.status == (3 if ending == "exit 3" else -9)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_nothing_is_a_stream_too(way: str, tmp_path: Path) -> None:
    report = streams.run(shell("true"), streams.write_file(tmp_path / "copy"))
    assert (report.bytes_out, (tmp_path / "copy").read_bytes()) == (0, b"")


def test_it_is_ended_with_its_children_when_what_follows_fails(way: str, tmp_path: Path) -> None:
    with pytest.raises(streams.SizeError):
        streams.run(
            shell("yes & yes"),
            streams.checksum("sha1", size=1 << 20),
            streams.write_file(tmp_path / "x"),
        )
    assert (children(), list(tmp_path.iterdir())) == ([], [])


def test_a_program_that_is_not_there(way: str, tmp_path: Path) -> None:
    with pytest.raises(streams.StreamError, match='there is no program "/no/such/zfs"'):
        streams.run(
            streams.zfs_send("zones/x@final", zfs="/no/such/zfs"),
            streams.write_file(tmp_path / "x"),
        )


def test_what_zfs_is_asked_for(way: str, tmp_path: Path) -> None:
    zfs = tmp_path / "zfs"
    zfs.write_text('#!/bin/sh\necho "$@"\n')
    zfs.chmod(0o755)
    for origin, said in ((None, "send p/x@final"), ("p/o@final", "send -i p/o@final p/x@final")):
        collected = Collect()
        streams.run(streams.zfs_send("p/x@final", origin=origin, zfs=str(zfs)), collected)
        assert bytes(collected.content).decode() == said + "\n"
