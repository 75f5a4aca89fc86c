"""How pipelines end: by an error anywhere, or by the caller; and that nothing is left of them.

That no thread, process or descriptor is left is checked after every test (conftest.py).
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgadm import streams
from imgadm._native import Cancelled
from imgadm.streams import Context, Inlet, Outlet, Stage
from tests.unit.streams.stages import Blocked, Collect, Forward, Supply, open_descriptors, unending

# What blocks or is unending here would outlast the time that a test may take: no clock is needed.


class Trouble(Exception):
    """An error that no stage of ours raises."""


class Failing(Stage):
    """Fails at a moment of its life, given by name."""

    name = "failing"

    def __init__(self, moment: str, error: BaseException, role: streams.Role = "filter") -> None:
        self.role = role
        self._moment = moment
        self._error = error
        self.closed = 0

    def _reach(self, moment: str) -> None:
        if moment == self._moment:
            raise self._error

    def open(self, context: Context) -> None:
        self._reach("open")

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        self._reach("run")
        for buffer in inlet:
            self._reach("first piece")
            if self.role == "sink":
                buffer.release()
            else:
                outlet.put(buffer)
        self._reach("end")

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        self._reach("run")
        raise AssertionError("only for failures before a byte has moved")

    def abort(self) -> None:
        self._reach("abort")

    def close(self) -> None:
        self.closed += 1
        self._reach("close")


ROLES: list[streams.Role] = ["source", "filter", "sink"]
ERRORS = [OSError(5, "it broke"), streams.StreamError("it broke"), Trouble("it broke")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("moment", ["open", "run"])
def test_an_error_in_any_stage_is_raised_and_names_it(
    way: str, moment: str, position: int, error: Exception
) -> None:
    failing = Failing(moment, error, ROLES[position])
    failing.moves_descriptors = True
    stages = [Supply(unending()), Forward(lambda: None), Collect(keep=False)]
    stages[position] = failing
    with pytest.raises(type(error), match="it broke") as caught:
        streams.run(*stages)
    if isinstance(error, streams.StreamError):
        assert caught.value.stage == "failing"  # type: ignore[attr-defined]
    elif moment == "run" or isinstance(error, OSError):
        assert "in stage: failing" in caught.value.__notes__
    assert failing.closed == 1


@pytest.mark.parametrize("moment", ["first piece", "end"])
def test_an_error_in_the_middle(moment: str) -> None:
    sink = Collect()
    with pytest.raises(Trouble):
        streams.run(Supply([b"some", b"more"]), Failing(moment, Trouble()), sink)
    assert not sink.saw_end


def test_an_error_in_the_source_while_the_sink_blocks(way: str) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"some"
        raise Trouble

    with pytest.raises(Trouble):
        streams.run(Supply(pieces()), Blocked())


@pytest.mark.parametrize("settings", [{}, {"IMGADM_ISAL": "0", "IMGADM_LIBLZMA": "0"}])
@pytest.mark.parametrize(
    ("name", "level", "begun"),
    [("gzip", 9, 1), ("bzip2", 9, 1), ("xz", 9, 7), ("zstd", 19, 5)],
)
def test_an_error_while_pieces_are_compressed(
    name: str, level: int, begun: int, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)

    def some_mebibytes() -> Iterator[bytes]:
        for at in range(begun):
            yield random.Random(at).randbytes(1024 * 1024)
        raise Trouble

    sink = Collect()
    with pytest.raises(Trouble):
        streams.run(Supply(some_mebibytes()), streams.compress(name, level=level), sink)
    assert not sink.saw_end


@pytest.mark.parametrize("moment", ["abort", "close"])
def test_an_error_while_ending_hides_no_other_and_stops_nothing(moment: str) -> None:
    clumsy, failing = Failing(moment, OSError("clumsy")), Failing("run", Trouble("first"), "sink")
    with pytest.raises(Trouble, match="first"):
        streams.run(Supply(unending()), clumsy, failing)
    assert (clumsy.closed, failing.closed) == (1, 1)


def test_an_error_while_closing_is_one_if_there_is_no_other() -> None:
    with pytest.raises(OSError, match="clumsy"):
        streams.run(Supply([b"some"]), Failing("close", OSError("clumsy")), Collect())


def test_stages_that_were_not_opened_are_not_closed() -> None:
    failing, later = Failing("open", Trouble(), "source"), Failing("", Trouble(), "sink")
    with pytest.raises(Trouble):
        streams.run(failing, later)
    assert (failing.closed, later.closed) == (1, 0)


def test_success_aborts_nobody(way: str) -> None:
    class Touchy(Collect):
        def abort(self) -> None:
            raise AssertionError("aborted")

    for _ in range(20):
        streams.run(Supply([b"some"]), Touchy())


def test_a_stage_that_pretends_to_be_cancelled_has_failed() -> None:
    with pytest.raises(Cancelled):
        streams.run(Supply([b"some"]), Failing("run", Cancelled()), Collect())


@pytest.mark.parametrize("error", [Trouble(), KeyboardInterrupt(), SystemExit(3)])
def test_whatever_on_progress_raises_ends_the_pipeline(way: str, error: BaseException) -> None:
    def fail(report: streams.Report) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        streams.run(Supply(unending()), Blocked(), on_progress=fail, interval=0.01)
    assert caught.value is error


def test_no_more_descriptors(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever descriptor is the last that can be had, those before it are given back."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(open_descriptors())
    failed = 0
    for free in range(20):
        stages = (
            streams.read_file("/dev/null"),
            streams.checksum("sha1"),
            Collect(),
            streams.into_process(["cat"]),
        )
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + free, hard))
        try:
            streams.run(*stages[:2], stages[2 + free % 2])
        except (OSError, streams.StreamError):
            failed += 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert failed


def test_no_more_threads(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def refuse_the_third(thread: threading.Thread) -> None:
        if thread.name == "imgadm-collect":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse_the_third)
        with pytest.raises(RuntimeError, match="can't start"):
            streams.run(Supply(unending()), streams.checksum("sha1"), Collect())


def test_a_failed_write_leaves_the_old_file(way: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def pieces() -> Iterator[bytes]:
        yield b"new"
        raise Trouble

    with pytest.raises(Trouble):
        streams.run(Supply(pieces()), streams.write_file(path))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_stages_between_see_the_error_of_neither_side() -> None:
    seen: list[int] = []
    with pytest.raises(Trouble):
        streams.run(
            Supply(unending()),
            Forward(lambda: seen.append(1)),
            Failing("first piece", Trouble()),
            Forward(lambda: None),
            Collect(),
        )
    assert seen


def test_a_reader_that_has_the_name_of_its_writer_says_what_is_wrong(way: str) -> None:
    """Not that it ended early, which its writer notices first."""
    for _ in range(20):
        with pytest.raises(streams.SizeError, match="expected 5 bytes, got more"):
            streams.run(
                Supply(unending()),
                streams.checksum("sha1"),
                streams.checksum("sha1", size=5),
                Collect(),
            )
