"""What a terminal shows and a script does not see: hints, plain warnings, help that fits."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.python_path import PYTHON_PATH

UUID = "01b2c898-945f-11e1-a523-af1afbe22822"
Show = Callable[..., list[str]]


@pytest.fixture
def show(tmp_path: Path) -> Show:
    """Runs the program on a terminal of so many columns, and returns the lines on it."""

    def run(*words: str, columns: int = 80) -> list[str]:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": PYTHON_PATH,
            "PYTHONSAFEPATH": "1",
            "IMGADM_ROOT": str(tmp_path / "root"),
            "IMGADM_POOL": str(tmp_path / "pool"),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "imgadm", *words],
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        output = bytearray()
        try:
            while piece := os.read(ours, 65536):
                output += piece
        except OSError:  # the other end is closed, as Linux tells it
            pass
        process.wait()
        os.close(ours)
        return output.decode().split("\r\n")[:-1]

    return run


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("lst", 'Did you mean "list"?'),
        ("destory", 'Did you mean "destroy"?'),
        ("xyzzy", '"imgadm help" lists the commands.'),
        ("help lits", 'Did you mean "list"?'),
        ("--verson", 'Did you mean "--version"?'),
        ("-z", '"imgadm -h" lists the options.'),
        ("-P zones list", 'That option comes after a command, as in "imgadm import -P".'),
        ("list --jsn", 'Did you mean "--json"?'),
        ("list -v", 'That option comes before the command: "imgadm -v list".'),
        ("list -x", '"imgadm help list" lists the options.'),
        ("get", 'Usage: imgadm get [<options>] <uuid>. "imgadm help get" explains it.'),
        ("list -P", 'The option takes a value: "-P <pool>".'),
        ("import --source", 'The option takes a value: "--source=<url>".'),
        (f"get {UUID.upper()}", f'The UUIDs of images are lower case: "{UUID}".'),
        (
            "delete debian-12",
            '"imgadm list name=~debian-12" shows the UUIDs of images with that name.',
        ),
        (
            "create disk.raw name=debian",
            '"imgadm create --disk FILE" makes an image of a disk. "vmadm list" shows the UUIDs of '
            "machines.",
        ),
        ("get 1$", '"imgadm list" and "imgadm avail" show UUIDs.'),
    ],
)
def test_hints(words: str, hint: str, show: Show) -> None:
    error, *rest = show(*words.split())
    assert error.startswith("imgadm")
    assert ": error (" in error
    assert rest == [hint]


def test_an_error_that_is_json_has_no_hint(show: Show) -> None:
    (line,) = show("-E", "lst")
    assert json.loads(line)["err"]["code"] == "UnknownCommand"


def test_warnings_are_plain_unless_records_are_wanted(show: Show, tmp_path: Path) -> None:
    image = tmp_path / "pool" / UUID
    image.mkdir(parents=True)
    (image / "image.json").write_text('{"\x1b[31m')
    complaint = f'ignoring the record "{image}/image.json": not JSON: '
    warning, *table = show("list", "-Ho", "uuid")
    assert warning.startswith(f"imgadm list: warning: {complaint}")
    assert table == [UUID]
    assert json.loads(show("-E", "list")[0])["msg"].startswith(complaint)


def test_help_fits(show: Show) -> None:
    for words in (["help"], ["-h"], [], ["help", "list"], ["list", "-h"]):
        lines = show(*words, columns=40)
        assert len(lines) > 30
        # A word that is longer by itself stands alone.
        assert [line for line in lines if len(line) > 40 and " " in line.strip()] == []
    wide = show("help", columns=200)
    assert f"{'    help [<command>]':<43}Show help on imgadm or on one command" in wide
