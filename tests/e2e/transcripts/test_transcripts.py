"""Replays the terminal sessions in ``*.txt`` against the real program.

A line ``$ COMMAND`` is run by a shell, with ``> `` before each line that continues it. What
follows, up to the next command or ``# `` remark, is what it must print: stderr after ``! ``, the
exit status after ``? `` unless it is 0. ``<*>`` stands for anything within a line. Every transcript
starts in an empty directory with ``$IMGADM_ROOT`` below it and nothing configured, and no command
has a terminal.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.python_path import PACKAGES

HERE = Path(__file__).parent
"""Where the imgadm that is tested lies, be it installed or in the checkout."""


@dataclass
class Step:
    line: int
    command: str
    expected: list[str] = field(default_factory=list)


def steps_of(transcript: str) -> Iterator[Step]:
    step = None
    for number, line in enumerate(transcript.splitlines(), start=1):
        if line.startswith("$ "):
            if step is not None:
                yield step
            step = Step(number, line[2:])
        elif line == "#" or line.startswith("# ") or step is None:
            assert not line or line.startswith("#"), f"line {number} belongs to no command"
        elif line == ">" or line.startswith("> "):
            step.command += "\n" + line[2:]
        else:
            step.expected.append(line)
    if step is not None:
        yield step


def printed(result: subprocess.CompletedProcess[str]) -> list[str]:
    lines = result.stdout.split("\n")
    if lines[-1]:
        lines[-1] += " (no newline)"
    else:
        lines.pop()
    lines += [f"! {line}" for line in result.stderr.removesuffix("\n").split("\n") if result.stderr]
    if result.returncode:
        lines.append(f"? {result.returncode}")
    return lines


def without_blank_end(lines: list[str]) -> str:
    return "\n".join(lines).rstrip("\n")


def is_as_expected(actual: str, expected: str) -> bool:
    pattern = ".*".join(map(re.escape, expected.split("<*>")))
    return re.fullmatch(pattern, actual) is not None


@pytest.mark.parametrize("path", sorted(HERE.glob("*.txt")), ids=lambda path: path.stem)
def test_transcript(path: Path, tmp_path: Path, servers: dict[str, str]) -> None:
    environment = prepare(tmp_path)
    steps = list(steps_of(path.read_text()))
    assert steps, "an empty transcript proves nothing"
    for step in steps:
        command = step.command
        for name, address in servers.items():
            command = command.replace(name, address)
        result = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=tmp_path / "work",
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        actual = without_blank_end(printed(result)).replace(str(tmp_path), "$TMP")
        for name, address in servers.items():
            actual = actual.replace(address, name)
        expected = without_blank_end(step.expected)
        assert is_as_expected(actual, expected), (
            f"{path.name}:{step.line}: $ {step.command}\n"
            f"--- expected\n{expected}\n--- got\n{actual}"
        )


def prepare(directory: Path) -> dict[str, str]:
    """Make the directories of a transcript and return its environment."""
    for name in ("bin", "home", "work"):
        (directory / name).mkdir()
    python = shlex.quote(sys.executable)
    for name, command in (("imgadm", f"{python} -m imgadm"), ("python", python)):
        program = directory / "bin" / name
        program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        program.chmod(0o755)
    return {
        "PATH": f"{directory / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(PACKAGES),
        "HOME": str(directory / "home"),
        "IMGADM_ROOT": str(directory / "root"),
        "IMGADM_CONNECT_RETRIES": "0",
        "LANG": "C",
        "TMP": str(directory),
    }
