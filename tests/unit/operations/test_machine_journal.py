"""The journal of a machine: what a run that was killed leaves, and that nothing stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from imgadm.operations.creating.machine_journal import Journal, JournalFile
from tests.python_path import PYTHON_PATH

MACHINE = "f0f0f0f0-0000-4000-8000-000000000002"
JOURNAL = Journal(machine=MACHINE, command="create", state="running", dataset="zones/x")

KILLED_WHILE_IT_WRITES = """
import os, signal, sys
from pathlib import Path
from imgadm.operations.creating.machine_journal import Journal, JournalFile

file = JournalFile.of(Path(sys.argv[1]), sys.argv[2])
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
file.note(rolled_back=True)
"""


def test_what_a_killed_run_was_writing_goes_with_the_journal(tmp_path: Path) -> None:
    JournalFile.of(tmp_path, MACHINE).begin(JOURNAL)
    bystander = tmp_path / "f0f0f0f0-0000-4000-8000-000000000003.json"
    bystander.write_text("another machine's")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_IT_WRITES, str(tmp_path), MACHINE],
        env={**os.environ, "PYTHONPATH": PYTHON_PATH},
        check=False,
    )
    assert killed.returncode < 0
    assert len(list(tmp_path.iterdir())) == 3, "the run left its unfinished file"
    found = JournalFile.of(tmp_path, MACHINE)
    assert found.journal == JOURNAL
    found.end()
    assert list(tmp_path.iterdir()) == [bystander]
