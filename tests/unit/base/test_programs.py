"""Programs of the host that hang, never stop talking, or print what nobody asked for."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from imgadm.base import logs
from imgadm.base.errors import ConfigError, InternalError
from imgadm.base.logs import Log
from imgadm.base.programs import program_io
from imgadm.base.programs.completed import Completed
from imgadm.base.programs.program_stream import stream_program
from imgadm.base.programs.programs import is_running, run_program, run_query


def assert_ends(pid_file: Path) -> None:
    """The process that wrote its number there has been killed, and is gone any moment."""
    stat = Path(f"/proc/{int(pid_file.read_text())}/stat")
    deadline = time.monotonic() + 20
    with contextlib.suppress(FileNotFoundError):
        while stat.read_text().rpartition(")")[2].split()[0] != "Z":
            assert time.monotonic() < deadline, "still running"
            time.sleep(0.02)


def test_what_a_program_says_and_how_it_ends(install_program: Callable[[str, str], str]) -> None:
    program = install_program("p", 'cat; printf "%s\\377" "$1"; echo no >&2; exit 3')
    completed = run_program([program, "é"])
    assert completed == Completed((program, "é"), 3, "é\udcff", "no\n")
    assert run_program([install_program("killed", "kill -9 $$")]).status == -signal.SIGKILL


@pytest.mark.parametrize("script", ["sleep 60", "exec >&- 2>&-; sleep 60", "while :; do :; done"])
def test_a_query_that_hangs_is_given_up(
    script: str,
    install_program: Callable[[str, str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = install_program("zfs", f"(sleep 60 & echo $! >{tmp_path}/child); {script}")
    monkeypatch.setenv("IMGADM_PATIENCE", "0.5")
    with pytest.raises(InternalError) as caught:
        run_query([program, "list"])
    assert caught.value.message == (
        f'"{program} list" has not ended after 0.5 seconds and was given up; see what it waits '
        "for, or allow it more with IMGADM_PATIENCE=<seconds>"
    )
    assert_ends(tmp_path / "child")


@pytest.mark.parametrize("text", ["0", "-1", "soon", "1e9", "nan", "٣"])
def test_patience_that_is_no_time(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGADM_PATIENCE", text)
    with pytest.raises(ConfigError, match=f'IMGADM_PATIENCE is "{text}", a number of seconds'):
        run_query(["true"])


@pytest.mark.parametrize("stream", ["", ">&2"])
def test_a_program_that_never_stops_talking(
    stream: str, install_program: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program_io, "MAX_OUTPUT", 1 << 20)
    monkeypatch.setenv("IMGADM_PATIENCE", "20" if not stream else "0.5")
    program = install_program("zfs", f"exec yes {stream}")
    with pytest.raises(InternalError, match="printed more than 1048576" if not stream else "0.5 s"):
        run_query([program])


def test_twenty_mebibytes_are_no_trouble(install_program: Callable[[str, str], str]) -> None:
    program = install_program("zfs", "head -c 20971520 /dev/zero")
    (line,) = run_program([program]).lines()
    assert line == "\0" * (20 << 20)


def test_a_program_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match=r'cannot run "/no/such": No such file or directory'):
        run_program(["/no/such"])


def test_a_program_that_floods_stderr_is_read_to_its_end(
    install_program: Callable[[str, str], str],
) -> None:
    program = install_program(
        "zfs", "printf first; head -c 1048576 /dev/zero >&2; printf last; echo no >&2; exit 3"
    )
    pieces = stream_program([program, "send"])
    assert bytes(next(pieces)) == b"first"
    assert bytes(next(pieces)) == b"last"
    with pytest.raises(InternalError) as caught:
        next(pieces)
    assert caught.value.message.startswith(f"{program} send failed with exit status 3: ...")
    assert caught.value.message.endswith("\0no")
    assert len(caught.value.message) < 10_000


def test_a_stream_that_is_closed_early_kills_its_program(
    install_program: Callable[[str, str], str], tmp_path: Path
) -> None:
    program = install_program(
        "zfs", f'trap "" TERM PIPE; echo $$ >{tmp_path}/pid; echo begun; sleep 60'
    )
    stream = stream_program([program])
    assert bytes(next(stream)) == b"begun\n"
    stream.close()
    assert_ends(tmp_path / "pid")


def test_a_stream_of_a_program_that_is_none() -> None:
    with pytest.raises(InternalError, match=r'cannot run "/no/such": No such file or directory'):
        next(stream_program(["/no/such"]))


INTERRUPTED = """
import sys
from imgadm.base.programs.programs import run_program
try:
    run_program(sys.argv[1:])
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_ends_a_program_that_does_not_listen(
    install_program: Callable[[str, str], str], tmp_path: Path
) -> None:
    fifo = tmp_path / "started"
    os.mkfifo(fifo)
    program = install_program(
        "zfs", f'trap "" INT TERM; echo $$ >{tmp_path}/pid; echo >{fifo}; sleep 60'
    )
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, program], stdout=subprocess.PIPE, text=True
    )
    fifo.read_text()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[0] == "interrupted\n"
    assert_ends(tmp_path / "pid")


def test_a_failure_shows_the_end_of_what_was_printed() -> None:
    failed = Completed(("zfs", "x"), 1, "a" * 10_000, "no\n")
    with pytest.raises(InternalError) as caught:
        failed.check("could not load images")
    start, middle, end = caught.value.message.partition(f"\n...{'a' * 4096}\n")
    assert start == "could not load images:\n\tcommand: zfs x\n\texit status: 1\n\tstdout:"
    assert (middle != "", end) == (True, "\tstderr:\nno")


def test_every_call_is_logged(
    install_program: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    program = install_program("zfs", "echo out; echo err >&2; exit 2")
    try:
        logs.use(Log(level=10, request_id="me", source_locations=False))
        run_program([program, "list"])
    finally:
        logs.use(Log.from_environment({}, verbose=False, request_id="me"))
    ended, done = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ended["msg"], ended["level"]) == ("program ended", 20)
    assert (ended["argv"], ended["status"]) == ([program, "list"], 2)
    assert 0 <= ended["seconds"] < 60
    assert (done["msg"], done["level"], done["exec"]) == ("exec done", 10, True)
    assert (done["argv"], done["stdout"], done["stderr"]) == ([program, "list"], "out", "err")
    assert done["err"] == {"message": f"Command failed: {program} list", "code": 2}


@pytest.mark.parametrize("told_by", ["proc", "ps"])
def test_which_processes_run(told_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that lead a session of theirs and are no zombies; a bare system has no ps."""
    if told_by == "proc":
        monkeypatch.setattr("imgadm.base.programs.programs.find_program", lambda name: None)
    elif shutil.which("ps") is None:
        pytest.skip("there is no ps here (Debian: procps)")
    else:
        monkeypatch.setattr("imgadm.base.programs.programs._PROCESSES", tmp_path)
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as leader:
        assert is_running(leader.pid)
        leader.kill()
        os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
        assert not is_running(leader.pid)
        leader.wait()
        assert not is_running(leader.pid)
    with subprocess.Popen(["sleep", "1000"]) as another:
        assert not is_running(another.pid), "the number may be another process's by now"
        another.kill()
