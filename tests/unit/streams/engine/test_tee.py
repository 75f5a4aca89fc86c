"""Pipelines with branches: the same bytes on both sides, one failure for all, bounded memory."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgadm import streams
from imgadm.streams import MisuseError
from imgadm.streams.engine.buffers import BUFFER_SIZE, BufferPool
from tests.unit.streams.http.servers import Answer, Server
from tests.unit.streams.stages import Blocked, Collect, Forward, Supply, pieces, unending

from .test_endings import ERRORS, ROLES, Failing, Trouble

CONTENT = bytes(range(256)) * 40_001


@pytest.mark.parametrize("size", [0, 1, BUFFER_SIZE, len(CONTENT)])
@pytest.mark.parametrize("piece", [100_003, BUFFER_SIZE])
def test_both_sides_get_all_bytes(way: str, tmp_path: Path, size: int, piece: int) -> None:
    main, branch, content = Collect(), Collect(), CONTENT[:size]
    report = streams.run(Supply(pieces(content, piece)), streams.tee(branch), main)
    assert main.content == branch.content == content
    assert main.saw_end
    assert branch.saw_end
    assert [stage.name for stage in report.stages] == ["supply", "tee", "collect"]
    assert [(stage.bytes_in, stage.bytes_out) for stage in report.stages[1:2]] == [(size, size)]
    (of_branch,) = report.branches
    assert [(stage.name, stage.bytes_in) for stage in of_branch.stages] == [("collect", size)]
    assert (of_branch.bytes_in, of_branch.bytes_out, of_branch.total) == (size, size, None)


def test_buffers_of_the_pool(way: str, tmp_path: Path) -> None:
    """They are used again, on either side, only after both have released them."""
    path = tmp_path / "file"
    path.write_bytes(bytes(at % 251 for at in range(30)) * 1_000_000)
    main, branch = Collect(on_piece=lambda: time.sleep(0.001)), Collect()
    report = streams.run(
        streams.read_file(path),
        streams.tee(streams.checksum("sha1"), streams.tee(streams.discard()), branch),
        streams.checksum("md5"),
        main,
    )
    assert main.content == branch.content == path.read_bytes()
    assert report.facts["md5"] == hashlib.md5(main.content).hexdigest()
    assert report.branches[0].facts["sha1"] == hashlib.sha1(main.content).hexdigest()


def test_each_branch_has_its_own_facts_and_notes(tmp_path: Path) -> None:
    compressed = tmp_path / "file.gz"
    report = streams.run(
        Supply(pieces(CONTENT, 77_777)),
        streams.tee(streams.compress("gzip"), streams.checksum("sha1"), streams.discard()),
        streams.tee(streams.compress("zstd"), streams.write_file(compressed)),
        streams.tee(streams.tee(streams.checksum("sha256"), streams.discard()), Collect()),
        streams.checksum("sha1"),
        streams.discard(),
    )
    assert report.facts == {"sha1": hashlib.sha1(CONTENT).hexdigest(), "size": len(CONTENT)}
    gzip, zstd, nested = report.branches
    assert gzip.facts["compression"] == "gzip"
    assert gzip.facts["sha1"] != report.facts["sha1"]
    assert zstd.facts == {"compression": "zstd"}
    assert zstd.bytes_out == compressed.stat().st_size
    assert nested.facts == {}
    assert nested.branches[0].facts["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert nested.elapsed == pytest.approx(report.elapsed, abs=0.1)


def test_notes_and_the_bottleneck_of_branches_are_in_the_report(server: Server) -> None:
    class Noting(Collect):
        def open(self, context: streams.Context) -> None:
            context.notes.append("something")

    slow = Noting(on_piece=lambda: time.sleep(0.05))
    slow.name = "slow"
    report = streams.run(Supply([b"some"] * 20), streams.tee(slow), Collect())
    assert report.notes == report.branches[0].notes == ["something"]
    assert report.bottleneck.name == "slow"
    tee = report.stages[1]
    assert tee.waiting_for_output + tee.waiting_for_input > tee.busy


@pytest.mark.parametrize("slow_branch", [False, True])
def test_the_slower_side_sets_the_pace(slow_branch: bool) -> None:
    """No more than both channels hold is ahead of it."""
    ahead: list[int] = []
    lock = threading.Lock()
    given = 0

    def supply() -> Iterator[bytes]:
        nonlocal given
        for _ in range(200):
            with lock:
                given += 1
            yield b"piece"

    def taken() -> None:
        with lock:
            ahead.append(given - len(ahead))
        time.sleep(0.001)

    slow, fast = Collect(on_piece=taken), Collect()
    main, branch = (fast, slow) if slow_branch else (slow, fast)
    streams.run(Supply(supply()), streams.tee(branch), main)
    assert len(ahead) == 200
    assert max(ahead) < 15


def test_few_buffers_are_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, made = tmp_path / "file", 0
    with path.open("wb") as file:
        file.truncate(300 * BUFFER_SIZE)
    get = BufferPool.get

    def counted(pool: BufferPool) -> streams.engine.buffers.Buffer:
        nonlocal made
        made += not pool._free
        return get(pool)

    monkeypatch.setattr(BufferPool, "get", counted)
    slow = Collect(keep=False, on_piece=lambda: time.sleep(0.002))
    streams.run(
        streams.read_file(path),
        streams.tee(streams.tee(slow), streams.discard()),
        streams.tee(streams.checksum("sha1"), streams.into_process(["cat"], copies_input=True)),
        streams.discard(),
    )
    assert slow.count == path.stat().st_size
    assert made < 40


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("moment", ["open", "run", "first piece", "end"])
@pytest.mark.parametrize("position", [1, 2])
@pytest.mark.parametrize("in_branch", [False, True])
def test_a_failure_on_one_side_ends_both(
    moment: str, position: int, in_branch: bool, error: Exception
) -> None:
    failing = Failing(moment, error, ROLES[position])
    other = Blocked() if moment != "end" else Collect()
    failing_side: list[streams.Stage] = [failing] if position == 2 else [failing, Collect()]
    branch, main = (failing_side, [other]) if in_branch else ([other], failing_side)
    pieces = [b"some"] if moment == "end" else unending()
    with pytest.raises(type(error), match="it broke") as caught:
        streams.run(Supply(pieces), streams.tee(*branch), *main)
    if isinstance(error, streams.StreamError):
        assert caught.value.stage == "failing"  # type: ignore[attr-defined]
    assert failing.closed == 1


def test_neither_side_sees_the_end_of_a_broken_stream(tmp_path: Path) -> None:
    def breaks() -> Iterator[bytes]:
        yield CONTENT
        raise Trouble

    branch, nested = Collect(), Collect()
    with pytest.raises(Trouble):
        streams.run(
            Supply(breaks()),
            streams.tee(streams.tee(nested), branch),
            streams.write_file(tmp_path / "file"),
        )
    assert not branch.saw_end
    assert not nested.saw_end
    assert list(tmp_path.iterdir()) == []


def test_a_checksum_before_the_tee_vouches_for_both(tmp_path: Path) -> None:
    branch = Collect()
    with pytest.raises(streams.ChecksumError):
        streams.run(
            Supply([CONTENT]),
            streams.checksum("sha1", expected="0" * 40),
            streams.tee(branch),
            streams.write_file(tmp_path / "file"),
        )
    assert not branch.saw_end
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("in_branch", [False, True])
def test_a_checksum_explains_why_a_side_finds_the_bytes_bad(in_branch: bool) -> None:
    judge = [streams.decompress("gzip"), streams.discard()]
    other: list[streams.Stage] = [streams.discard()]
    branch, main = (judge, other) if in_branch else (other, judge)
    with pytest.raises(streams.ChecksumError) as caught:
        streams.run(
            Supply([b"no gzip at all"] * 1000),
            streams.checksum("sha256", expected="0" * 64),
            streams.tee(*branch),
            *main,
        )
    assert isinstance(caught.value.__cause__, streams.DecompressionError)


def test_a_branch_that_ends_early() -> None:
    class Lazy(Collect):
        def run(self, context: object, inlet: object, outlet: object) -> None:
            return

    lazy = Lazy()
    lazy.name = "lazy"
    with pytest.raises(streams.StreamError, match="lazy ended before it had read everything"):
        streams.run(Supply(unending()), streams.tee(lazy), streams.discard())


def test_a_program_in_a_branch_that_fails() -> None:
    program = streams.into_process(["sh", "-c", "echo no >&2; exit 3"])
    with pytest.raises(streams.ProcessError, match="exit code 3: no"):
        streams.run(Supply(unending()), streams.tee(program), streams.discard())


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Trouble()])
def test_interrupted(error: BaseException) -> None:
    def interrupt(report: streams.Report) -> None:
        if report.branches[0].bytes_out:
            raise error

    with pytest.raises(type(error)):
        streams.run(
            Supply(unending(pause=0.001)),
            streams.tee(streams.tee(Blocked()), streams.into_process(["cat"])),
            streams.into_process(["sleep", "1000"]),
            on_progress=interrupt,
            interval=0.01,
        )


def test_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "imgadm-collect":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            streams.run(Supply(unending()), streams.tee(Collect()), streams.discard())


def test_a_fetch_that_is_resumed_before_a_tee(server: Server) -> None:
    cut = Answer(CONTENT, send=1_000_000, headers={"ETag": '"a"'})
    rest = Answer(
        CONTENT[1_000_000:],
        "206 Partial Content",
        headers={
            "ETag": '"a"',
            "Content-Range": f"bytes 1000000-{len(CONTENT) - 1}/{len(CONTENT)}",
        },
    )
    branch, main = Collect(), Collect()
    report = streams.run(
        streams.http_get(server.plan(cut, rest), delays=(0.0,)), streams.tee(branch), main
    )
    assert branch.content == main.content == CONTENT
    assert report.notes == ["the connection was lost and resumed once"]


def test_shared_bytes_cannot_be_written_to() -> None:
    class Scribbler(Forward):
        name = "scribbler"

        def run(
            self, context: streams.Context, inlet: streams.Inlet, outlet: streams.Outlet
        ) -> None:
            for buffer in inlet:
                buffer.view[:1] = b"!"
                outlet.put(buffer)

    with pytest.raises(TypeError, match="read-only") as caught:
        streams.run(
            Supply([bytearray(b"some")]),
            streams.tee(streams.discard()),
            Scribbler(lambda: None),
            Collect(),
        )
    assert caught.value.__notes__ == ["in stage: scribbler"]


@pytest.mark.parametrize(
    ("branch", "message"),
    [
        ([], "a branch has a sink at least, got no stage"),
        (["filter"], '"checksum" is a filter, expected a sink as the last stage'),
        (["source", "sink"], '"supply" is a source, expected a filter as the middle stage'),
        (["sink", "sink"], '"discard" is a sink, expected a filter as the middle stage'),
        (["text"], "number 1 of the stages is 'text', expected a Stage"),
    ],
)
def test_stages_that_make_no_branch(branch: list[str], message: str) -> None:
    made: dict[str, object] = {
        "filter": streams.checksum("sha1"),
        "source": Supply([]),
        "sink": streams.discard(),
        "text": "text",
    }
    with pytest.raises(MisuseError, match=message):
        streams.tee(*(made[name] for name in branch))  # type: ignore[arg-type]


def test_a_tee_does_not_end_a_pipeline() -> None:
    with pytest.raises(MisuseError, match='"tee" is a filter, expected a sink'):
        streams.run(Supply([]), streams.tee(streams.discard()))


def test_one_stage_in_two_branches() -> None:
    sink = streams.discard()
    with pytest.raises(MisuseError, match='"discard" is in the pipeline twice'):
        streams.run(Supply([]), streams.tee(sink), streams.tee(sink), streams.discard())
