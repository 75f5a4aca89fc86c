"""Commands run in the guest: scripts in, exit status and output back.

A command is a file in the exchange directory, which both sides see under one path; its output
appears beside it while it runs. guest/agent is the other end.
"""

from __future__ import annotations

import importlib.util
import itertools
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .channel import Channel, ChannelClosedError

CHECKOUT = Path(__file__).parents[3]
TAIL_LINES = 30

# What every program does or waits for, in the program and in the kernel.
_WAITS = """
ps -eww -o pid,ppid,stat,etimes,wchan:30,args | grep -v '\\[.*\\]$'
for stack in /proc/[0-9]*/task/*/stack; do
    task=${stack%/stack}
    case $(sed 's/.*) //;s/ .*//' $task/stat 2>/dev/null) in
    D) echo "$task $(cat $task/comm)"; head -12 $stack ;;
    esac
done
dmesg | tail -15
free -m
"""


@dataclass(frozen=True)
class Result:
    """How a command ended: exit status (128 + N after signal N) and everything it wrote."""

    status: int
    stdout: str
    stderr: str


class CommandError(Exception):
    """A command that had to succeed did not; the text has its script, status and output."""


class CommandTimeoutError(Exception):
    """A command took longer than it may; it and its children were killed."""


class Command:
    """A command that was started. Its process group has the number `pid` in the guest."""

    def __init__(self, session: Session, name: str, script: str) -> None:
        self._session = session
        self._name = name
        self.script = script
        self.pid = session._started(name)

    @property
    def stdout_path(self) -> Path:
        """The file that holds what it has written so far."""
        return self._session.exchange / f"{self._name}.out"

    @property
    def stderr_path(self) -> Path:
        return self._session.exchange / f"{self._name}.err"

    def poll(self, timeout: float = 0) -> Result | None:
        """The result, or None where it still runs after `timeout` seconds."""
        status = self._session._ended(self._name, timeout)
        if status is None:
            return None
        return Result(status, _text(self.stdout_path), _text(self.stderr_path))

    def wait(self, timeout: float) -> Result:
        """The result; after `timeout` seconds, kills and raises :class:`CommandTimeoutError`."""
        result = self.poll(timeout)
        if result is not None:
            return result
        waits = "" if self.script == _WAITS else self._session.waits()
        self.signal("KILL")
        self._session._ended(self._name, timeout=10)
        so_far = Result(-1, _text(self.stdout_path), _text(self.stderr_path))
        account = _account(self.script, so_far)
        raise CommandTimeoutError(f"not done after {timeout} s\n{account}\n{waits}")

    def signal(self, name: str) -> None:
        """Send a signal (``TERM``, ``KILL``, …) to it and its children, if any is left."""
        self._session.run(f"kill -{name} -- -{self.pid} 2>/dev/null || true", timeout=30)


class Session:
    """A booted guest. For one thread; commands themselves may run side by side."""

    def __init__(self, channel: Channel, exchange: Path, died: Callable[[], Exception]) -> None:
        self.exchange = exchange
        """A directory that host and guest both see and write under this path."""
        self._channel = channel
        self._died = died
        self._names = (f"command-{number}" for number in itertools.count(1))
        self._pids: dict[str, int] = {}
        self._statuses: dict[str, int] = {}

    def run(
        self,
        script: str,
        *,
        timeout: float = 60,
        cwd: Path | str = "/",
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Run a bash script in the guest as root; raises :class:`CommandTimeoutError`.

        Its environment is the guest's own plus `env`: nothing of this process gets there.
        """
        return self.start(script, cwd=cwd, env=env).wait(timeout)

    def check(
        self,
        script: str,
        *,
        timeout: float = 60,
        cwd: Path | str = "/",
        env: Mapping[str, str] | None = None,
    ) -> str:
        """The standard output of a script that must succeed, else :class:`CommandError`."""
        result = self.run(script, timeout=timeout, cwd=cwd, env=env)
        if result.status != 0:
            raise CommandError(_account(script, result))
        return result.stdout

    def waits(self) -> str:
        """What the programs of the guest wait for, to be read when one does not end."""
        try:
            return self.run(_WAITS, timeout=30).stdout
        except CommandTimeoutError:
            return "(and the guest answers no more)"

    def python(self, *arguments: str, timeout: float = 120) -> Result:
        """Run the interpreter that runs this, in the guest, with the imgadm that it imports here.

        The first start takes seconds: what it reads is not in the guest's cache yet.
        """
        script = shlex.join([sys.executable, *arguments])
        found = importlib.util.find_spec("imgadm")
        package = CHECKOUT / "imgadm" if found is None else Path(str(found.origin)).parent
        return self.run(script, timeout=timeout, env={"PYTHONPATH": str(package.parent)})

    def start(
        self, script: str, *, cwd: Path | str = "/", env: Mapping[str, str] | None = None
    ) -> Command:
        """Start a script and leave it running, a server for instance."""
        name = next(self._names)
        prelude = [f"export {key}={shlex.quote(value)}" for key, value in (env or {}).items()]
        prelude.append(f"cd {shlex.quote(str(cwd))} || exit 127")
        (self.exchange / f"{name}.sh").write_text("\n".join([*prelude, script, ""]))
        self._send(name)
        return Command(self, name, script)

    def _send(self, line: str) -> None:
        try:
            self._channel.send(line)
        except ChannelClosedError:
            raise self._died() from None

    def _started(self, name: str) -> int:
        self._receive_until(lambda: name in self._pids, timeout=30)
        if name not in self._pids:
            raise CommandTimeoutError(f"the guest did not start {name} within 30 s")
        return self._pids[name]

    def _ended(self, name: str, timeout: float) -> int | None:
        self._receive_until(lambda: name in self._statuses, timeout)
        return self._statuses.get(name)

    def _receive_until(self, arrived: Callable[[], bool], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not arrived():
            try:
                line = self._channel.receive(max(0, deadline - time.monotonic()))
            except TimeoutError:
                return
            except ChannelClosedError:
                raise self._died() from None
            event, name, number = line.split()
            {"started": self._pids, "ended": self._statuses}[event][name] = int(number)


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")


def _account(script: str, result: Result) -> str:
    tails = {"stdout": result.stdout, "stderr": result.stderr}
    lines = [f"script: {script}", f"status: {result.status}"]
    for name, text in tails.items():
        lines += [f"{name}:", *text.splitlines()[-TAIL_LINES:]]
    return "\n".join(lines)
