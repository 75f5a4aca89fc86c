"""What is shown of an import or install, where its words come from others."""

from __future__ import annotations

import pytest

from imgadm.cli.transfer_view import LineView
from imgadm.operations.events import ProgramSaid


def test_what_a_program_said_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    LineView("import")(ProgramSaid("zfs receive", "cannot:\n\t\x1b[2J"))
    said = capsys.readouterr().err
    assert said == "Stderr from zfs receive: cannot:\n\t\\x1b[2J\n\n"
