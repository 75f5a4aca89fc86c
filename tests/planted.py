"""What somebody else may have put where the program is about to write.

Each plants something at a path, beside a file ``precious`` that nothing may happen to.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.python_path import PYTHON_PATH

NOBODY = 65534

#: Runs a program as nobody, with no capability and no group of root.
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


@cache
def can_be_nobody() -> bool:
    """Whether this process may start programs as another user, who can read what is tested."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return False
    return run_as_nobody("-c", "import imgadm.streams").returncode == 0


def run_as_nobody(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python as nobody, to its end."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": PYTHON_PATH, "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [*AS_NOBODY, sys.executable, *arguments],
        env={**environment, **variables},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def reachable_directory() -> Iterator[Path]:
    """A directory that other users can enter, which is gone afterwards; that of pytest is not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def plant_link(path: Path) -> None:
    path.symlink_to(path.with_name("precious").absolute())


def plant_dangling_link(path: Path) -> None:
    path.symlink_to(path.with_name("not-there").absolute())


def plant_hard_link(path: Path) -> None:
    path.hardlink_to(path.with_name("precious"))


def plant_pipe(path: Path) -> None:
    os.mkfifo(path)


def plant_directory(path: Path) -> None:
    path.mkdir()
    (path / "inside").write_text("precious")


SPECIAL = (plant_link, plant_dangling_link, plant_pipe, plant_directory)


def modes(directory: Path, names: Sequence[str]) -> dict[str, str]:
    """The modes of files below a directory, as octal digits."""
    return {name: f"{(directory / name).lstat().st_mode & 0o7777:o}" for name in names}
