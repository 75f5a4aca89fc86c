"""Starting the programs that a measurement consists of."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1] / "tools"

PYTHON = [sys.executable, "-P"]
"""The interpreter, told not to take modules from where it happens to be started."""


def imgadm_command() -> list[str]:
    """The installed command; from a tree that is not installed, the module."""
    script = Path(sys.executable).with_name("imgadm")
    return [str(script)] if script.exists() else [*PYTHON, "-m", "imgadm"]


def seconds_of(argv: Sequence[str | Path], environ: Mapping[str, str] | None = None) -> float:
    """Run a program to its success; the wall time that took, in seconds."""
    started = time.perf_counter()
    finished = subprocess.run(
        argv,
        env={**os.environ, **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    elapsed = time.perf_counter() - started
    if finished.returncode != 0:
        name = " ".join(map(str, argv))
        raise RuntimeError(f"{name} failed: {finished.stderr.decode(errors='replace')}")
    return elapsed


def peak_memory_of(argv: Sequence[str | Path], environ: Mapping[str, str]) -> int:
    """Run a program to its success; its largest resident memory, in bytes."""
    found = subprocess.run(
        [*PYTHON, TOOLS / "run_measured.py", *argv],
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    )
    result = json.loads(found.stdout)
    if result["status"] != 0:
        raise RuntimeError(f"{' '.join(map(str, argv))} failed with status {result['status']}")
    return int(result["peak_bytes"])


def serving(folder: Path) -> contextlib.AbstractContextManager[str]:
    """An image server over ``folder`` in a process of its own; its URL."""
    return server("serve_folder.py", folder)


@contextlib.contextmanager
def server(script: str, *arguments: str | Path) -> Iterator[str]:
    """A script of ours that serves, prints its URL first, and ends with its input; the URL."""
    process = subprocess.Popen(
        [*PYTHON, TOOLS / script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"{script} did not start")
        yield url
    finally:
        process.communicate()
