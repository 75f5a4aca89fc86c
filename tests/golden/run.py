"""Runs a program on an emulated host, its streams being pipes or one 80x24 terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.python_path import PACKAGES

from . import made_up
from .cases import Case
from .host import Host, change
from .outcome import Outcome
from .sources.server import Sources

REPOSITORY = Path(__file__).parents[2]
"""Where the imgadm that is tested lies, be it installed or in the checkout."""
OURS = (sys.executable, "-m", "imgadm")
TIME_LIMIT = 60.0
TIME_IS_UP = "still running when its time was up"
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
PROMPT = b"] "
ON_TERMINAL = 'exec "$@" <>"$0" >&0 2>&0'


def run(case: Case, directory: Path, sources: Sources, program: Sequence[str] = OURS) -> Outcome:
    """Set up the host of a case in ``directory``, run ``program`` on it, report what came of it."""
    host = Host(directory, sources, case.keystrokes, case.preparation)
    host.set_up(case.setup)
    before, started = host.state(), datetime.now(UTC)
    sources.take_requests()
    sources.take_published()
    command = [*program, *host.placeholders.fill(case.argv)]
    execute = _on_terminal if case.tty else _on_pipes
    status, stdout, stderr = execute(command, case.stdin, environment(case, host), host.work)

    def text(output: bytes) -> str:
        restored = host.placeholders.restore(output.decode("utf-8", "backslashreplace"))
        return made_up.named(case, _name_times(restored, started))

    published = {
        ("server added", uuid): json.dumps(manifest, indent=2)
        for uuid, manifest in sources.take_published().items()
    }
    state = {
        key: made_up.named(case, _name_times(content, started))
        if isinstance(content, str)
        else content
        for key, content in (change(before, host.state()) | published).items()
    }
    return Outcome(
        exit=_status_name(status),
        stdout="" if case.tty else text(stdout),
        stderr=text(stderr),
        terminal=text(stdout) if case.tty else "",
        state=state,
        requests=frozenset(
            made_up.named(case, host.placeholders.restore(request))
            for request in sources.take_requests()
        ),
        editor_text=host.editor_text(),
    )


def environment(case: Case, host: Host) -> dict[str, str]:
    """The variables that a program finds on the host of a case."""
    return {
        "PATH": f"{host.bin}:/usr/bin:/bin",
        "HOME": str(host.root),
        "TMPDIR": str(host.temporary),
        "TZ": "UTC",
        "LANG": "C",
        "PYTHONPATH": f"{PACKAGES}:{REPOSITORY}",
        "IMGADM_ROOT": str(host.imgadm_root),
        "IMGADM_CONNECT_RETRIES": "0",
        **host.placeholders.fill(case.environment),
    }


def _on_pipes(
    command: list[str], stdin: str, environment: dict[str, str], directory: Path
) -> tuple[int | None, bytes, bytes]:
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=directory,
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(stdin.encode(), timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            return None, stdout, stderr
    return process.returncode, stdout, stderr


def _on_terminal(
    command: list[str], stdin: str, environment: dict[str, str], directory: Path
) -> tuple[int | None, bytes, bytes]:
    """The session's leader opens the terminal first, which makes it the controlling one."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    with subprocess.Popen(
        ["/bin/sh", "-c", ON_TERMINAL, os.ttyname(theirs), *command],
        stdin=subprocess.DEVNULL,
        env=environment,
        cwd=directory,
        start_new_session=True,
    ) as process:
        output = _talk_until_exit(ours, stdin.encode(), process)
        status = process.poll()
        if status is None:
            os.killpg(process.pid, signal.SIGKILL)
    os.close(theirs)
    os.close(ours)
    return status, output, b""


def _talk_until_exit(terminal: int, keys: bytes, process: subprocess.Popen[bytes]) -> bytes:
    """What the terminal shows; a line is typed whenever the program waits behind a prompt."""
    output, lines = bytearray(), keys.splitlines(keepends=True)
    deadline = time.monotonic() + TIME_LIMIT
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        if select.select([terminal], [], [], 0.02)[0]:
            output += os.read(terminal, 65536)
        elif ended:
            break
        elif lines and output.endswith(PROMPT):
            os.write(terminal, lines.pop(0))
    return bytes(output)


def _status_name(status: int | None) -> str:
    if status is None:
        return TIME_IS_UP
    return signal.Signals(-status).name if status < 0 else str(status)


def _name_times(text: str, started: datetime) -> str:
    """The text with every time since ``started`` replaced by ``$NOW``."""
    now = datetime.now(UTC)

    def name(match: re.Match[str]) -> str:
        when = datetime.fromisoformat(match[0])
        return "$NOW" if started.replace(microsecond=0) <= when <= now else match[0]

    return TIMESTAMP.sub(name, text)
