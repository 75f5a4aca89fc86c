"""When sinks complete their work: after every stage of the pipeline and its branches."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from imgadm import streams
from imgadm.streams import Context, Inlet, Outlet, Stage
from tests.unit.streams.stages import Collect, Forward, Supply

from .test_endings import Failing, Trouble

CONTENT = bytes(range(256)) * 20_000


def slow() -> Stage:
    return Forward(lambda: time.sleep(0.02))


def wrong() -> Stage:
    return streams.checksum("sha1", expected="0" * 40)


class FailingLate(Failing):
    """Fails some time after the other sinks have seen the end."""

    def _reach(self, moment: str) -> None:
        if moment == self._moment:
            time.sleep(0.05)
        super()._reach(moment)


@pytest.mark.parametrize("in_branch", [False, True])
def test_a_checksum_on_one_side_holds_for_all_sides(tmp_path: Path, in_branch: bool) -> None:
    collect = Collect()
    checked: list[Stage] = [slow(), wrong(), streams.write_file(tmp_path / "checked")]
    other: list[Stage] = [streams.tee(collect), streams.write_file(tmp_path / "other")]
    branch, main = (checked, other) if in_branch else (other, checked)
    with pytest.raises(streams.ChecksumError):
        streams.run(Supply([CONTENT] * 3), streams.tee(*branch), *main)
    assert not collect.saw_end
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("in_branch", [False, True])
def test_no_file_gets_its_name_if_another_sink_fails_at_its_end(
    tmp_path: Path, in_branch: bool
) -> None:
    (tmp_path / "old").write_bytes(b"old")
    failing = FailingLate("end", Trouble(), "sink")
    files = [
        streams.tee(streams.write_file(tmp_path / "new")),
        streams.write_file(tmp_path / "old"),
    ]
    branch, main = ([failing], files) if in_branch else (files, [failing])
    with pytest.raises(Trouble):
        streams.run(Supply([CONTENT]), streams.tee(*branch), *main)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old").read_bytes() == b"old"


def test_nor_after_an_interrupt_while_another_sink_works(tmp_path: Path) -> None:
    sink = streams.write_file(tmp_path / "file", durable=False)
    waiting = threading.Event()

    class Lingering(Collect):
        def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
            super().run(context, inlet, outlet)
            time.sleep(0.05)
            waiting.set()
            context.cancel.wait(60)

    def interrupt(report: streams.Report) -> None:
        if waiting.is_set():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        streams.run(
            Supply([CONTENT]), streams.tee(Lingering()), sink, on_progress=interrupt, interval=0.01
        )
    assert not sink.complete
    assert list(tmp_path.iterdir()) == []


def test_the_other_side_of_bytes_found_bad_sees_no_end(tmp_path: Path) -> None:
    """A checksum goes on to its end then, and what it passes on is thrown away."""
    failed = threading.Event()

    class Verifying(Stage):
        name = "verifying"
        verifies = True

        def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
            for number, buffer in enumerate(inlet):
                if number == 1:
                    failed.wait()
                    time.sleep(0.05)
                outlet.put(buffer)

    class Judging(Stage):
        name = "judging"
        role = "sink"
        judges_content = True

        def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
            inlet.get()
            failed.set()
            raise Trouble

    main = Collect()
    with pytest.raises(Trouble):
        streams.run(Supply([b"some", b"more"]), Verifying(), streams.tee(Judging()), slow(), main)
    assert not main.saw_end


@pytest.mark.parametrize("position", [0, 1, 2])
def test_an_error_in_a_commit(way: str, position: int, tmp_path: Path) -> None:
    class Refusing(Collect):
        name = "refusing"

        def commit(self) -> None:
            raise OSError(5, "it broke")

    sinks: list[Stage] = [streams.write_file(tmp_path / str(number)) for number in range(3)]
    sinks[position] = Refusing()
    first, second, third = sinks
    with pytest.raises(OSError, match="it broke") as caught:
        streams.run(Supply([CONTENT]), streams.tee(first), streams.tee(second), third)
    assert caught.value.__notes__ == ["in stage: refusing"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2"][:position]


def test_an_exit_in_the_middle_of_the_ending() -> None:
    """The other steps are done all the same; the fixture looks for what is left."""
    for moment in ("abort", "close"):
        failing = Failing(moment, SystemExit(3), "filter")
        with pytest.raises(SystemExit):
            streams.run(Supply([CONTENT]), failing, Failing("end", Trouble(), "sink"))
        assert failing.closed == 1
