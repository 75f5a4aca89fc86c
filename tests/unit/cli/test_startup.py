"""What a run does not load, which is what makes it start fast."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.python_path import PYTHON_PATH

HTTP = {"requests", "urllib3", "http.client", "ssl"}
HEAVY = HTTP | {"tqdm", "argparse", "zstandard", "isal", "cffi"}


def modules_after(directory: Path, *words: str) -> tuple[set[str], str]:
    """Run ``imgadm WORDS`` and return the modules that it had loaded, and what it printed."""
    code = (
        "import sys; before = set(sys.modules); sys.argv = ['imgadm', *sys.argv[1:]];"
        "from imgadm.__main__ import main; main();"
        "print('\\n'.join(sys.modules.keys() - before), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-S", "-c", code, *words],
        env={
            "PYTHONPATH": os.pathsep.join([PYTHON_PATH, *filter(None, sys.path)]),
            "PYTHONSAFEPATH": "1",
            "PATH": os.environ["PATH"],
            "IMGADM_ROOT": str(directory / "root"),
            "IMGADM_POOL": str(directory / "pool"),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return set(result.stderr.split()), result.stdout


def test_version_loads_nothing_but_itself(tmp_path: Path) -> None:
    modules, printed = modules_after(tmp_path, "--version")
    assert printed.startswith("imgadm ")
    assert modules == {"imgadm", "imgadm.__main__"}


@pytest.mark.parametrize(
    ("words", "forbidden"),
    [
        (["help"], HEAVY | {"subprocess", "logging", "imgadm.sources", "imgadm.pools"}),
        (["list", "-h"], HEAVY | {"subprocess", "logging", "imgadm.sources", "imgadm.pools"}),
        (
            ["list"],
            HEAVY
            | {"subprocess", "logging", "shutil", "imgadm.streams", "imgadm.manifest.manifest"},
        ),
        (["vacuum", "-n"], HEAVY - {"ssl", "http.client"}),
        (
            ["sources"],
            {"requests", "urllib3", "tqdm", "argparse", "subprocess", "imgadm.registry"},
        ),
    ],
)
def test_commands_load_what_they_use(tmp_path: Path, words: list[str], forbidden: set[str]) -> None:
    modules, _ = modules_after(tmp_path, *words)
    assert "imgadm.cli.main" in modules
    assert modules & forbidden == set()
