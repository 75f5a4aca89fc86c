"""The manual page and the shell completions are those of today's commands, and shells take them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgadm.cli.commands import GROUPS, find_command
from imgadm.cli.manual import manual_page
from tests.python_path import PACKAGES

TREE = Path(__file__).parents[2]
COMPLETIONS = {"bash": "imgadm.bash", "zsh": "_imgadm", "fish": "imgadm.fish"}
NAMES = [name for group in GROUPS for name in group]
UUID = "7b1d0e6e-52f4-4c5b-9f0a-6d3b8e0c41aa"
OTHER = "8c2e1f7f-52f4-4c5b-9f0a-6d3b8e0c41aa"
STALE = "run scripts/generate"


def test_manual_page_is_in_step() -> None:
    assert (TREE / "man" / "imgadm.8").read_text() == manual_page(), STALE


@pytest.mark.parametrize("shell", COMPLETIONS)
def test_completion_is_in_step(shell: str) -> None:
    script = (TREE / "completions" / COMPLETIONS[shell]).read_text()
    assert script == generated(shell), STALE


@pytest.mark.parametrize("name", NAMES)
def test_manual_page_has_every_option(name: str) -> None:
    page = manual_page().replace("\\-", "-")
    section = page.partition(f"\n.SS {name}\n")[2].partition("\n.SS ")[0]
    for option in find_command(name).options:
        if not option.hidden:
            assert all(spelling in section for spelling in option.names)


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_manual_page_formats_without_warnings() -> None:
    command = ["groff", "-man", "-Tutf8", "-ww", TREE / "man" / "imgadm.8"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "imgadm import [<options>] <uuid>" in done.stdout


def generated(shell: str) -> str:
    command = [sys.executable, "-m", "imgadm.cli.completions", shell]
    environment = {"PYTHONPATH": str(PACKAGES), "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
def host(tmp_path: Path) -> dict[str, str]:
    """The environment of a host with two installed images, and the program on its PATH."""
    program = tmp_path / "bin" / "imgadm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m imgadm "$@"\n')
    program.chmod(0o755)
    for uuid, name in ((UUID, "debian-12"), (OTHER, "alpine")):
        image = tmp_path / "pool" / uuid
        image.mkdir(parents=True)
        manifest = {"v": 2, "uuid": uuid, "name": name, "version": "1", "type": "zvol"}
        (image / "image.json").write_text(json.dumps({"manifest": manifest}))
    return {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(PACKAGES),
        "PYTHONSAFEPATH": "1",
        "HOME": str(tmp_path),
        "IMGADM_ROOT": str(tmp_path / "root"),
        "IMGADM_POOL": str(tmp_path / "pool"),
    }


LINES = [
    ("imgadm imp", ["import"]),
    ("imgadm s", ["serve", "show", "sources"]),
    ("imgadm --ver", ["--verbose", "--version"]),
    ("imgadm import --z", ["--zstream"]),
    ("imgadm -E list --", ["--docker", "--help", "--json"]),
    ("imgadm get ", [UUID, OTHER]),
    ("imgadm delete 7b", [UUID]),
    ("imgadm ancestry 8c", [OTHER]),
    ("imgadm vacuum -x ", [UUID, OTHER]),
    ("imgadm destroy 8", [OTHER]),
    ("imgadm update 8", [OTHER]),
    ("imgadm help av", ["avail"]),
    ("imgadm sources -d ", ["https://images.smartos.org"]),
]


@pytest.mark.parametrize(("line", "offered"), [*LINES, ("imgadm info deb", [UUID])])
def test_bash_offers(host: dict[str, str], line: str, offered: list[str]) -> None:
    words = line + "''" if line.endswith(" ") else line
    script = f"""
        source {shlex.quote(str(TREE / "completions" / "imgadm.bash"))}
        COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _imgadm
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert sorted(run("bash", script, host)) == offered


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(("line", "offered"), LINES)
def test_fish_offers(host: dict[str, str], line: str, offered: list[str]) -> None:
    script = f"""
        source {shlex.quote(str(TREE / "completions" / "imgadm.fish"))}
        complete -C {shlex.quote(line)}
    """
    assert sorted(answer.split("\t")[0] for answer in run("fish", script, host)) == offered


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_takes_the_completion(host: dict[str, str]) -> None:
    script = f"""
        fpath=({shlex.quote(str(TREE / "completions"))} $fpath)
        autoload -Uz compinit && compinit -u -D
        autoload +X -Uz _imgadm
        print $_comps[imgadm]
    """
    assert run("zsh", script, host) == ["_imgadm"]


def run(shell: str, script: str, environment: dict[str, str]) -> list[str]:
    done = subprocess.run(
        [shell, "-c", script], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    return done.stdout.splitlines()
