"""A host of its own for each test: a state directory, a directory pool, and the real program."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.python_path import PYTHON_PATH

ERROR_LINE = re.compile(r"imgadm \w+: error \((\w+)\): (.+)", re.DOTALL)


@dataclass(frozen=True)
class Finished:
    """What came of a run of the program."""

    status: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def error(self) -> tuple[str, str]:
        """Code and message of the one error line, which has to be all of stderr."""
        match = ERROR_LINE.fullmatch(self.stderr.removesuffix("\n"))
        assert match, f"no error line: {self}"
        assert self.stderr.count(": error (") == 1, self
        assert "Traceback" not in self.stderr, self
        return match[1], match[2]


class Running:
    """The program while it runs, in a session of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def finish(self, timeout: float = 60) -> Finished:
        stdout, stderr = self.process.communicate(timeout=timeout)
        assert processes_of_session(self.process.pid) == []
        return Finished(self.process.returncode, stdout or "", stderr or "")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


def processes_of_session(session: int) -> list[str]:
    """Processes that belong to the session; zombies that nobody has waited for count too."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(fields[3]) == session:
            found.append(stat.parent.name)
    return found


class Host:
    """``root`` is the state directory, ``pool`` the directory pool."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "state"
        self.pool = directory / "pool"
        self.temporary = directory / "temporary"
        self.temporary.mkdir(parents=True)
        self._started: list[Running] = []
        self.runner: tuple[str, ...] = (sys.executable, "-m", "imgadm")
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": PYTHON_PATH,
            "PYTHONSAFEPATH": "1",
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.temporary),
            "IMGADM_ROOT": str(self.root),
            "IMGADM_POOL": str(self.pool),
            "IMGADM_CONNECT_RETRIES": "0",
        }

    def start(self, *words: str, **options: Any) -> Running:
        settings: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "env": self.environment,
            "cwd": self.temporary,
            "text": True,
            "start_new_session": True,
        }
        running = Running(subprocess.Popen([*self.runner, *words], **settings | options))
        self._started.append(running)
        return running

    def end(self) -> None:
        """Leave no process behind, also where a test has failed."""
        for running in self._started:
            if running.process.poll() is None:
                running.process.kill()
                running.process.communicate()

    def run(self, *words: str, **options: Any) -> Finished:
        return self.start(*words, **options).finish()

    def disk(self, uuid: str) -> Path:
        return self.pool / uuid / "disk.raw"

    def partials(self, uuid: str) -> list[Path]:
        """What an image is in, or was, until it is whole."""
        return list(self.pool.glob(f"{uuid}.*.partial"))

    def installed(self) -> set[str]:
        """What is on the pool; nothing else may be there."""
        return {path.name for path in self.pool.iterdir()} if self.pool.is_dir() else set()

    def assert_tidy(self, *installed: str) -> None:
        """Only the given images are on this host: no remains, no temporary files, no locks."""
        assert self.installed() == set(installed)
        for uuid in installed:
            names = {path.name for path in (self.pool / uuid).iterdir()}
            assert names in ({"image.json", "disk.raw"}, {"image.json", "stream.zfs"})
        assert list(self.temporary.iterdir()) == []
        for lock in (self.root / "locks").glob("*"):
            with lock.open("r+b") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                assert file.read() == b"", "the lock still names a holder"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def wait_until(condition: Callable[[], bool], patience: float = 30) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
