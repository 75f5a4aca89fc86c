"""Runs a command in the machine with a pool; see ``scripts/zfs-vm --help``."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import time
from pathlib import Path

from . import CannotRunError, CommandError, CommandTimeoutError, Machine, MachineError, create_pool
from .install import install
from .session import Command

DESCRIPTION = """\
Run a command in a virtual machine with a real OpenZFS kernel and a pool named zones. The machine
sees this host's file system, and what it writes there stays in its memory; files written to
$EXCHANGE are moved to --keep at the end. Without a command, a script is read from standard input,
or, where that is a terminal, a shell opens (Ctrl-A X ends the machine). What is missing on the
host is installed first: Debian and Ubuntu packages, see docs/contributing/testing-on-zfs.md.
"""
CONSOLE_SHELL = "exec bash -il <>/dev/ttyS0 >&0 2>&0"


def main() -> int:
    options = _options()
    try:
        install(say=_say)
        if options.install:
            _say("everything is there")
            return 0
        return _run(options)
    except (CannotRunError, CommandError, CommandTimeoutError, MachineError) as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="zfs-vm", description=DESCRIPTION)
    parser.add_argument("--install", action="store_true", help="only install what is missing")
    parser.add_argument("--memory", type=int, default=4096, metavar="MIB", help="default: 4096")
    parser.add_argument(
        "--pool", default="3G", metavar="SIZE", help="size of the pool, default: 3G"
    )
    parser.add_argument(
        "--timeout", type=float, default=3600, metavar="SECONDS", help="default: 3600"
    )
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="receives $EXCHANGE's files")
    parser.add_argument("command", nargs="*", help="a program and its arguments")
    return parser.parse_args()


def _run(options: argparse.Namespace) -> int:
    interactive = not options.command and sys.stdin.isatty()
    script = shlex.join(options.command) or (CONSOLE_SHELL if interactive else sys.stdin.read())
    with Machine(memory_mib=options.memory, on_terminal=interactive) as vm:
        create_pool(vm, size=options.pool)
        kept = vm.exchange / "kept"
        kept.mkdir()
        env = {"EXCHANGE": str(kept), "TERM": os.environ.get("TERM", "dumb")}
        status = _follow(vm.start(script, cwd=Path.cwd(), env=env), options.timeout)
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            for path in kept.iterdir():
                shutil.move(path, options.keep / path.name)
    return status


def _follow(command: Command, timeout: float) -> int:
    """Show a command's output as it comes; returns its exit status."""
    deadline = time.monotonic() + timeout
    with command.stdout_path.open("rb") as out, command.stderr_path.open("rb") as err:
        while True:
            result = command.poll(timeout=0.2)
            for source, sink in ((out, sys.stdout.buffer), (err, sys.stderr.buffer)):
                sink.write(source.read())
                sink.flush()
            if result is not None:
                return result.status
            if time.monotonic() > deadline:
                command.wait(timeout=0)


def _say(line: str) -> None:
    print(f"zfs-vm: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
