"""Programs as the last stage: well, failing, slow, gone, and with children of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from imgadm import streams
from tests.unit.streams.stages import Collect, Supply, children, pieces, unending

CONTENT = bytes(range(256)) * 20_000


def shell(script: str, *arguments: str) -> streams.Stage:
    return streams.into_process(["sh", "-c", script, *arguments])


def feed(script: str, content: Iterable[bytes] | None = None) -> streams.Report:
    return streams.run(Supply(content or pieces(CONTENT, 100_000)), shell(script))


def test_a_program_gets_every_byte_and_the_end(way: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    report = streams.run(Supply(pieces(CONTENT, 100_000)), shell('cat >"$0"', str(path)))
    assert path.read_bytes() == CONTENT
    assert [(stage.name, stage.bytes_in, stage.bytes_out) for stage in report.stages] == [
        ("supply", len(CONTENT), len(CONTENT)),
        ("sh", len(CONTENT), len(CONTENT)),
    ]


def test_nothing_but_the_end(way: str) -> None:
    assert streams.run(Supply([]), shell("test $(wc -c) = 0")).bytes_out == 0


def test_a_slow_reader_gets_it_all(way: str) -> None:
    count = len(CONTENT)
    report = feed(f"sleep 0.2; head -c 1000 >/dev/null; sleep 0.2; test $(wc -c) = {count - 1000}")
    assert report.bottleneck.name == "sh"


@pytest.mark.parametrize("status", [1, 3, 127, 255])
def test_an_exit_status_is_told_with_the_last_words(way: str, status: int) -> None:
    with pytest.raises(streams.ProcessError) as caught:
        feed(f"cat >/dev/null; echo no room >&2; exit {status}")
    error = caught.value
    assert (error.program, error.status, error.stderr) == ("sh", status, "no room")
    assert str(error) == f"sh failed with exit code {status}: no room"
    assert error.stage == "sh"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_program_that_is_killed(way: str, number: signal.Signals) -> None:
    with pytest.raises(streams.ProcessError) as caught:
        feed(f"ulimit -c 0; head -c 1000 >/dev/null; kill -{number.value} $$", unending())
    assert caught.value.status == -number
    assert str(caught.value) == f"sh failed with signal {number.value}"


@pytest.mark.parametrize("before", ["", "head -c 1000 >/dev/null; "])
def test_a_program_that_fails_early(way: str, before: str) -> None:
    with pytest.raises(streams.ProcessError, match="exit code 4: oh"):
        feed(f"{before}echo oh >&2; exit 4", unending())


@pytest.mark.parametrize("before", ["", "head -c 1000 >/dev/null; "])
def test_a_program_that_succeeds_too_early(way: str, before: str) -> None:
    with pytest.raises(streams.StreamError) as caught:
        feed(f"{before}exit 0", unending())
    assert str(caught.value) == "sh ended before it had read everything"
    assert caught.value.stage == "sh"


def test_a_program_that_fails_while_nothing_comes(way: str) -> None:
    with pytest.raises(streams.ProcessError, match="exit code 4"):
        feed("exit 4", unending(pause=0.05))


def test_of_many_last_words_the_last_are_kept(way: str) -> None:
    with pytest.raises(streams.ProcessError) as caught:
        feed("cat >/dev/null; yes noise | head -c 20000000 >&2; echo the reason >&2; exit 1")
    assert caught.value.stderr.endswith("the reason")
    assert len(caught.value.stderr) <= 16 * 1024


def test_words_in_no_encoding(way: str) -> None:
    with pytest.raises(streams.ProcessError) as caught:
        feed(r"cat >/dev/null; printf '\377\376' >&2; exit 1")
    assert caught.value.stderr == "\ufffd\ufffd"


def test_the_output_of_a_program_goes_nowhere(way: str, capfd: pytest.CaptureFixture[str]) -> None:
    feed("cat; echo words >&2")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["/no/such/program", "x"], 'there is no program "/no/such/program" on this host'),
        (["/etc/passwd"], 'cannot start "/etc/passwd": Permission denied'),
    ],
)
def test_a_program_that_cannot_be_started(argv: list[str], message: str) -> None:
    with pytest.raises(streams.StreamError) as caught:
        streams.run(Supply([b"x"]), streams.into_process(argv))
    assert str(caught.value) == message


def test_nothing_moves_before_the_program_has_started() -> None:
    def tell() -> Iterable[bytes]:
        raise AssertionError("moved")
        yield b""

    with pytest.raises(streams.StreamError, match="there is no program"):
        streams.run(Supply(tell()), streams.into_process(["/no/such/program"]))


@pytest.mark.parametrize(
    ("script", "status", "stderr"),
    [
        ("cat >/dev/null; echo words >&2", 0, "words\n"),
        ("cat >/dev/null; echo why >&2; exit 5", 5, "why\n"),
        ("kill -9 $$", -signal.SIGKILL, ""),
    ],
)
def test_who_wants_to_know_is_told_of_the_end(
    script: str, status: int, stderr: str, way: str
) -> None:
    told: list[tuple[object, ...]] = []
    argv = ["sh", "-c", script]
    stage = streams.into_process(argv, on_end=lambda *end: told.append(end))
    with contextlib.suppress(streams.StreamError):
        streams.run(Supply([b"x" * 100_000]), stage)
    ((given, ended, seconds, stdout, said),) = told
    assert (given, ended, stdout, said) == (argv, status, "", stderr)
    assert isinstance(seconds, float)


def test_a_program_that_no_signal_ends_sees_the_end_of_its_input(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So does ``zfs receive`` now and then, whose part in the kernel waits for the stream."""
    monkeypatch.setattr(os, "killpg", lambda group, number: None)

    def broken() -> Iterable[bytes]:
        yield CONTENT
        raise OSError("the source broke")

    with pytest.raises(OSError, match="the source broke"):
        streams.run(Supply(broken()), streams.checksum("sha1"), shell("cat >/dev/null"))
    assert children() == []


def test_children_that_outlive_a_failed_program_end_too(way: str, tmp_path: Path) -> None:
    path = tmp_path / "child"
    with pytest.raises(streams.ProcessError, match="exit code 5: words"):
        streams.run(
            Supply(pieces(CONTENT, 100_000)),
            shell('cat >/dev/null; sleep 1000 & echo $! >"$0"; echo words >&2; exit 5', str(path)),
        )
    assert not is_running(int(path.read_text()))


def is_running(number: int) -> bool:
    """Whether a process that may be somebody else's child runs; gives it a moment to end."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        if state in "ZX":
            return False
        time.sleep(0.01)
    return True


def test_children_that_outlive_a_program_that_succeeded_are_its_own_business(
    way: str, tmp_path: Path
) -> None:
    path = tmp_path / "child"
    script = 'cat >/dev/null; sleep 1000 >/dev/null 2>&1 & echo $! >"$0"; cat >/dev/null'
    streams.run(Supply(pieces(CONTENT, 100_000)), shell(script, str(path)))
    child = int(path.read_text())
    assert is_running(child)
    os.kill(child, signal.SIGKILL)


def test_a_failure_elsewhere_ends_the_program(way: str) -> None:
    def break_down() -> Iterable[bytes]:
        yield CONTENT[:1000]
        raise OSError("the disk is gone")

    for script in ("cat >/dev/null", "sleep 1000", 'trap "" TERM; sleep 1000', "cat; sleep 1000"):
        with pytest.raises(OSError, match="the disk is gone"):
            feed(script, break_down())
        assert children() == []


def test_zfs_receive_is_called_as_such(way: str, tmp_path: Path) -> None:
    zfs, said = tmp_path / "zfs", tmp_path / "said"
    zfs.write_text(f'#!/bin/sh\necho "$@" >{said}; cat >/dev/null; echo no pool >&2; exit 1\n')
    zfs.chmod(0o755)
    with pytest.raises(streams.ProcessError) as caught:
        streams.run(
            Supply([b"stream"]),
            streams.zfs_receive("zones/x-partial", options=["-u"], zfs=str(zfs)),
        )
    assert said.read_text() == "receive -u zones/x-partial\n"
    assert str(caught.value) == "zfs receive failed with exit code 1: no pool"


def test_a_stage_that_ends_early_is_an_error(way: str) -> None:
    class Impatient(Collect):
        name = "impatient"

        def run(
            self, context: streams.Context, inlet: streams.Inlet, outlet: streams.Outlet
        ) -> None:
            inlet.get()

        def run_descriptors(self, context: streams.Context, source: int, sink: int) -> None:
            os.read(source, 1) if os.get_blocking(source) else None

    with pytest.raises(streams.StreamError, match="impatient ended before it had read everything"):
        streams.run(Supply(unending()), Impatient())
