"""Generated files are in step with what they are made of, and shells take the completions."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgadm.cli.commands import GROUPS, find_command
from imgadm.cli.options import parse_options
from imgadm.cli.reference.manual import EXAMPLES, manual_page
from imgadm.cli.reference.markdown import commands_page
from tests.golden.page import page
from tests.python_path import PACKAGES

TREE = Path(__file__).parents[3]
COMPLETIONS = {"bash": "imgadm.bash", "zsh": "_imgadm", "fish": "imgadm.fish"}
NAMES = [name for group in GROUPS for name in group]
UUID = "7b1d0e6e-52f4-4c5b-9f0a-6d3b8e0c41aa"
OTHER = "8c2e1f7f-52f4-4c5b-9f0a-6d3b8e0c41aa"
STALE = "run scripts/generate"


@pytest.mark.parametrize("name", ["imgadm.8", "imgadm.1m"])
def test_manual_page_is_in_step(name: str) -> None:
    assert (TREE / "man" / name).read_text() == manual_page(), STALE


@pytest.mark.parametrize("shell", COMPLETIONS)
def test_completion_is_in_step(shell: str) -> None:
    script = (TREE / "completions" / COMPLETIONS[shell]).read_text()
    assert script == generated(shell), STALE


def test_page_about_differences_is_in_step() -> None:
    path = TREE / "docs" / "how-to" / "coming-from-smartos.md"
    assert path.read_text() == page(), STALE


def test_page_about_commands_is_in_step() -> None:
    path = TREE / "docs" / "reference" / "commands.md"
    assert path.read_text() == commands_page(), STALE


@pytest.mark.parametrize("name", NAMES)
def test_manual_page_has_every_option(name: str) -> None:
    page = manual_page().replace("\\-", "-")
    section = page.partition(f"\n.SS {name}\n")[2].partition("\n.SS ")[0]
    for option in find_command(name).options:
        if not option.hidden:
            assert all(spelling in section for spelling in option.names)


def test_manual_page_keeps_sections_together() -> None:
    """Lines that were broken for the help are one paragraph; indented ones are as they were."""
    page = manual_page().replace("\\-", "-")
    assert (
        ".PP\nWith -s the machine may be running. imgadm shuts it down, makes a\nsnapshot, and"
        in page
    )
    assert ".RS 4\nmdata-put prepare-image:state running\nprepare the machine" in page
    assert "\n    and mdata-put prepare-image:state error\nshut the machine down,\n.RE" in page
    assert ".B name=~base\na text contains the value, or a list has it\n" in page


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_manual_page_formats_without_warnings() -> None:
    page = TREE / "man" / "imgadm.8"
    command = ["groff", "-man", "-Tutf8", "-P-cbou", "-ww", "-rCHECKSTYLE=3", "-rLL=78n", page]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "imgadm import [<options>] <uuid>" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 78


def test_examples_of_the_manual_page_are_command_lines() -> None:
    for _, example in EXAMPLES:
        program, name, *words = example.split()
        assert program == "imgadm"
        parse_options(find_command(name).options, words)


def generated(shell: str) -> str:
    command = [sys.executable, "-m", "imgadm.cli.reference.completions", shell]
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
    zpool = tmp_path / "bin" / "zpool"
    zpool.write_text("#!/bin/sh\n[ \"$*\" = 'list -Ho name' ] && echo tank2\n")
    program.chmod(0o755)
    zpool.chmod(0o755)
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
    ("imgadm sources -t d", ["docker", "dsapi"]),
    ("imgadm sources -d ", ["https://images.smartos.org"]),
    ("imgadm sources -d https://im", ["https://images.smartos.org"]),
    ("imgadm import -S h", ["https://images.smartos.org"]),
    ("imgadm get -P /nowhere ", []),
    ("imgadm get -P tan", ["tank2"]),
]


@pytest.mark.parametrize(("line", "offered"), [*LINES, ("imgadm info deb", [UUID])])
def test_bash_offers(host: dict[str, str], line: str, offered: list[str]) -> None:
    script = f"""
        source {shlex.quote(str(TREE / "completions" / "imgadm.bash"))}
        compopt() {{ :; }}
        COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)} COMP_TYPE=9
        _imgadm
        printf '%s\n' "${{COMPREPLY[@]}}"
    """
    given = sorted(run("bash", script, host)) if offered else run("bash", script, host)
    wanted = [word.removeprefix("https:") for word in offered] if "https:" in line else offered
    assert given == (wanted or [""])


def test_bash_tells_names_where_it_only_lists(host: dict[str, str]) -> None:
    script = f"""
        source {shlex.quote(str(TREE / "completions" / "imgadm.bash"))}
        COMP_TYPE=63
        for COMP_LINE in "imgadm get " "imgadm get " "imgadm get deb"; do
            COMP_POINT=${{#COMP_LINE}}
            _imgadm
            printf '%s\n' "${{COMPREPLY[@]}}"
        done
    """
    both = [f"{OTHER}  alpine     1", f"{UUID}  debian-12  1"]
    assert sorted(run("bash", script, host)[:2]) == sorted(both)


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(("line", "offered"), LINES)
def test_fish_offers(host: dict[str, str], line: str, offered: list[str]) -> None:
    script = f"""
        source {shlex.quote(str(TREE / "completions" / "imgadm.fish"))}
        complete -C {shlex.quote(line)}
    """
    assert sorted(answer.split("\t")[0] for answer in run("fish", script, host)) == offered


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_tells_names(host: dict[str, str]) -> None:
    script = f"""
        source {shlex.quote(str(TREE / "completions" / "imgadm.fish"))}
        complete -C 'imgadm get 7'; complete -C 'imgadm list -P tank'
    """
    assert run("fish", script, host) == [f"{UUID}\tdebian-12 1", "tank2\tzpool"]


ZSHRC = """
PS1='$ ' fpath=({completions} $fpath)
autoload -Uz compinit && compinit -u -D
tell() {{ zle -I; print -r -- "<<$BUFFER>>"; BUFFER=; }}
zle -N tell
bindkey '^T' tell
print -r -- '<<ready>>'
"""


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_offers(host: dict[str, str], tmp_path: Path) -> None:
    completions = shlex.quote(str(TREE / "completions"))
    (tmp_path / ".zshrc").write_text(ZSHRC.format(completions=completions))
    environment = {**host, "ZDOTDIR": str(tmp_path), "TERM": "dumb", "LANG": "C.UTF-8"}
    with Terminal(["zsh", "-d", "-i"], environment) as shell:
        assert shell.read_answer()[1] == "ready"
        for line, offered in LINES:
            shell.type(f"{line}\t\x14")
            printed, left = shell.read_answer()
            if len(offered) > 1:
                assert all(word in printed for word in offered), (line, printed)
            else:
                assert left.strip() == " ".join([*line.split(" ")[:-1], *offered]).strip(), printed
        shell.type("imgadm get \t\x14")
        assert f"{UUID}  -- debian-12  1" in shell.read_answer()[0]


class Terminal:
    """A program on a terminal of its own, which tells what is on its line in double brackets."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._terminal, theirs = pty.openpty()
        self._process = subprocess.Popen(
            command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, process_group=0
        )
        os.close(theirs)
        self._unread = ""

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def read_answer(self) -> tuple[str, str]:
        """What was printed up to the brackets, and what is in them."""
        while (match := re.search(r"<<(.*?)>>", self._unread, re.DOTALL)) is None:
            self._unread += os.read(self._terminal, 65536).decode()
        printed = self._unread[: match.start()]
        self._unread = self._unread[match.end() :]
        return printed, match[1]

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._terminal)
        self._process.kill()
        self._process.wait()


def run(shell: str, script: str, environment: dict[str, str]) -> list[str]:
    done = subprocess.run(
        [shell, "-c", script], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    return done.stdout.splitlines()
