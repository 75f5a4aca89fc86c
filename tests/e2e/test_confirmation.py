"""A question on the terminal: what is typed, what is shown, and what comes of it."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.python_path import PYTHON_PATH

UUID = "7b1d0e6e-52f4-4c5b-9f0a-6d3b8e0c41aa"
OTHER = "8c2e1f7f-52f4-4c5b-9f0a-6d3b8e0c41aa"
LIST = "This will delete the following images:\n    {} (debian@12)\n"
ONE = "Delete this image? [y/N] "
HELP = 'Please enter "y", "yes", "n" or "no".\n'
DELETED = f"\nDeleted image {UUID} (debian@12)\n"
EVERYTHING = '<>"$0" >&0 2>&0'


@dataclass
class Conversation:
    status: int | None = None
    shown: str = ""
    stdout: str = ""


class Operator:
    """At a terminal, with a pool of two images."""

    def __init__(self, directory: Path) -> None:
        self.pool = directory / "pool"
        for uuid in (UUID, OTHER):
            (self.pool / uuid).mkdir(parents=True)
            manifest = {"v": 2, "uuid": uuid, "name": "debian", "version": "12"}
            record = json.dumps({"manifest": manifest})
            (self.pool / uuid / "image.json").write_text(record)
        self._environment = {
            "PYTHONPATH": PYTHON_PATH,
            "PYTHONSAFEPATH": "1",
            "PATH": os.environ["PATH"],
            "IMGADM_ROOT": str(directory / "root"),
            "IMGADM_POOL": str(self.pool),
        }

    def installed(self) -> list[str]:
        return sorted(path.name for path in self.pool.iterdir())

    def run(self, *words: str, answers: list[str], streams: str = EVERYTHING) -> Conversation:
        """Start the program, its ``streams`` as the shell takes them, and answer its questions.

        An answer is typed when the program has stopped to wait for it.
        """
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "imgadm", *words]
        # The first of a session that opens a terminal has it as the controlling one.
        script = f'exec 9<>"$0"; exec "$@" {streams} 9>&-'
        conversation = Conversation()
        with subprocess.Popen(
            ["/bin/sh", "-c", script, os.ttyname(theirs), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
            text=True,
        ) as process:
            while True:
                if select.select([ours], [], [], 0.02)[0]:
                    conversation.shown += os.read(ours, 65536).decode().replace("\r\n", "\n")
                elif process.poll() is not None:
                    break
                elif answers and conversation.shown.endswith("[y/N] "):
                    os.write(ours, answers.pop(0).encode())
            assert process.stdout is not None
            conversation.stdout = process.stdout.read()
        os.close(ours)
        os.close(theirs)
        conversation.status = process.returncode
        return conversation


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("answers", "shown"),
    [
        (["y\r"], f"y\n{DELETED}"),
        (["YES \r"], f"YES \n{DELETED}"),
        (["yn\x7f\r"], f"yn\x08 \x08\n{DELETED}"),
        (["y\x04"], f"y\n{DELETED}"),
        (["yep\r", "Q\r", "Y\r"], f"yep\n{HELP}{ONE}Q\n{HELP}{ONE}Y\n{DELETED}"),
        (["n\r"], "n\nAborting\n"),
        (["No\r"], "No\nAborting\n"),
        (["\r"], "\nAborting\n"),
        (["\x04"], "\nAborting\n"),
        (["\x03"], "^C\nAborting\n"),
        (["what\x04", "\x03"], f"what\n{HELP}{ONE}^C\nAborting\n"),
    ],
)
def test_answers(operator: Operator, answers: list[str], shown: str) -> None:
    said = operator.run("vacuum", "-x", OTHER, answers=answers)
    assert said.shown == LIST.format(UUID) + ONE + shown
    if "Deleted" in shown:
        assert (said.status, operator.installed()) == (0, [OTHER])
    else:
        assert (said.status, operator.installed()) == (1, [UUID, OTHER])


@pytest.mark.timeout(60)
@pytest.mark.parametrize("streams", ["</dev/null", "</dev/null 2>/dev/null", '<"$0" 2>/dev/null'])
def test_the_terminal_is_asked_where_the_streams_are_others(
    operator: Operator, streams: str
) -> None:
    said = operator.run("vacuum", "-x", OTHER, answers=["y\r"], streams=streams)
    assert (said.status, operator.installed()) == (0, [OTHER])
    assert said.shown == f"{ONE}y\n"
    assert said.stdout == LIST.format(UUID) + DELETED


@pytest.mark.timeout(60)
def test_a_no_is_no_error_line_but_a_record_for_those_who_want_one(operator: Operator) -> None:
    said = operator.run("-E", "vacuum", answers=["n\r"])
    *lines, record = said.shown.splitlines()
    assert lines[-2:] == ["Delete these 2 images? [y/N] n", "Aborting"]
    assert json.loads(record)["err"]["code"] == "Declined"
    assert (said.status, operator.installed()) == (1, [UUID, OTHER])


@pytest.mark.timeout(60)
def test_where_nothing_is_to_be_deleted_nothing_is_asked(operator: Operator) -> None:
    said = operator.run("vacuum", "--records", "-x", UUID, "-x", OTHER, answers=[])
    assert (said.status, said.shown) == (0, "")
