"""How the program ends when it is not left to finish: one line at most, and the right status."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.python_path import PYTHON_PATH


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "PYTHONPATH": PYTHON_PATH,
        "PYTHONSAFEPATH": "1",
        "PATH": os.environ["PATH"],
        "IMGADM_ROOT": str(tmp_path),
    }


@pytest.fixture
def silent_source(tmp_path: Path) -> Iterator[socket.socket]:
    """A configured source that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)  # a command that cannot start never connects
        source = {"type": "imgapi", "url": f"http://127.0.0.1:{server.getsockname()[1]}"}
        configuration = {"upgradedToVer": "3.0.0", "sources": [source]}
        (tmp_path / "imgadm.conf").write_text(json.dumps(configuration))
        yield server


@pytest.mark.parametrize("command", [["avail"], ["show", "01b2c898-945f-11e1-a523-af1afbe22822"]])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals(
    environment: dict[str, str],
    silent_source: socket.socket,
    command: list[str],
    number: signal.Signals,
) -> None:
    process = start(command, environment)
    connection, _ = silent_source.accept()
    with connection:
        assert connection.recv(1)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=30)
    assert (stdout, stderr) == ("", f"imgadm {command[0]}: error (Interrupted): interrupted\n")
    assert process.returncode == 128 + number


def test_a_signal_in_json(environment: dict[str, str], silent_source: socket.socket) -> None:
    process = start(["-E", "avail"], environment)
    connection, _ = silent_source.accept()
    with connection:
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=30)
    error = json.loads(stderr)["err"]
    assert (error["code"], error["signal"], error["exitStatus"]) == ("Interrupted", "SIGTERM", 143)


def test_a_reader_that_went_away(environment: dict[str, str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [sys.executable, "-m", "imgadm", "help"],
        env=environment,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (process.stderr, process.returncode) == ("", 141)


def test_a_server_that_hangs_up_is_not_taken_for_the_reader(
    environment: dict[str, str], silent_source: socket.socket
) -> None:
    def hang_up() -> None:
        connection, _ = silent_source.accept()
        connection.close()

    threading.Thread(target=hang_up, daemon=True).start()
    process = start(["avail"], {**environment, "IMGADM_CONNECT_RETRIES": "0"})
    stdout, stderr = process.communicate(timeout=30)
    assert stdout == ""
    assert stderr.startswith("imgadm avail: error (ClientError): http://127.0.0.1:")
    assert process.returncode == 1


def test_patience_with_a_source_that_says_nothing(
    environment: dict[str, str], silent_source: socket.socket
) -> None:
    """As completions in shells ask: what other sources have is not lost by one that is dead."""
    # The kernel takes the connection, unless the time is over before there is one.
    process = start(["avail"], {**environment, "IMGADM_PATIENCE": "0.5"})
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (1, "")
    assert stderr.startswith("imgadm avail: error (ClientError): http://127.0.0.1:")
    assert stderr.endswith((": no answer after 0.5 seconds\n", ": read ETIMEDOUT\n"))


@pytest.mark.parametrize("ignored", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_that_the_caller_ignores_stays_ignored(
    environment: dict[str, str], silent_source: socket.socket, ignored: signal.Signals
) -> None:
    """As ``nohup imgadm ...`` wants it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "imgadm", "avail"],
        env={**environment, "IMGADM_PATIENCE": "60"},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(ignored, signal.SIG_IGN),
    )
    connection, _ = silent_source.accept()
    with connection:
        process.send_signal(ignored)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "error (ClientError)" in stderr


BUG = """
import sys
from imgadm.cli import main
def find_command(typed):
    return {}[typed]
main.find_command = find_command
sys.exit(main.run_command_line(sys.argv[1:]))
"""


@pytest.mark.parametrize(("option", "has_frames"), [([], False), (["-v"], True)])
def test_a_bug_is_called_one(
    environment: dict[str, str], option: list[str], has_frames: bool
) -> None:
    process = subprocess.run(
        [sys.executable, "-c", BUG, *option, "list"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1
    assert "imgadm list: error (InternalError): " in process.stderr
    assert "unexpected KeyError: 'list': this is a bug in imgadm" in process.stderr
    assert ("    at find_command (" in process.stderr) is has_frames
    assert "Traceback" not in process.stderr


INTERRUPTED_WHILE_FREEING = """
import signal, sys, time
from imgadm.cli import main
class Freed:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.001)
def find_command(typed):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    freed = Freed()
    del freed
    time.sleep(60)
main.find_command = find_command
sys.exit(main.run_command_line(sys.argv[1:]))
"""


def test_an_interrupt_while_an_object_is_freed_is_not_lost(environment: dict[str, str]) -> None:
    process = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_FREEING, "list"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert process.returncode == 128 + signal.SIGINT
    assert process.stderr == "imgadm list: error (Interrupted): interrupted\n"


def start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "imgadm", *command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
