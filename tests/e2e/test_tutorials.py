"""The terminal sessions that the tutorials and how-tos show, run as a reader would run them.

A block marked ``console`` is executed: ``$ COMMAND``, with ``> `` before each line that continues
it, then the output, stdout and stderr as they come. All blocks of a document are one session in
one directory. Values that differ from run to run are compared by their form; a UUID that a command
prints stands for that image in the commands that follow. A line ``...`` stands for any lines.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.transcripts.test_transcripts import prepare
from tests.stands.registry.layouts import Layout, tar_of
from tests.stands.registry.server import Registry

TREE = Path(__file__).parents[2]
SESSION = re.compile(r"^```console\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
DOCUMENTS = sorted(
    str(document.relative_to(TREE))
    for document in [TREE / "README.md", *TREE.glob("docs/**/*.md")]
    if SESSION.search(document.read_text())
)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
FORMS = (
    (re.compile(r"\b[0-9a-f]{40}\b"), "SHA1"),
    (re.compile(r"\"\d{15,20}\""), '"GUID"'),
    (re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? (B|KiB|MiB|GiB)(/s)?"), "SIZE"),
    (re.compile(r"\b\d+\.\d+ s\b"), "SECONDS"),
    (re.compile(r"(\"size\": )\d+"), r"\1SIZE"),
    (re.compile(r"\b\d+ bytes\b"), "SIZE"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "DIGEST"),
    (re.compile(r"(127\.0\.0\.1|localhost):\d+"), r"\1:PORT"),
)
SHOWN_URL = "https://registry.example.com"
"""What the documents call the registry that the tests start."""

SHOWN_DIRECTORY = "/srv/try"
"""What the documents call the directory of a session."""

END = "--end-of-this-output--"
WANTED = re.compile(r"^<!-- needs: (.*) -->$", re.MULTILINE)
BEFORE = re.compile(r"^<!-- before: (.*) -->$", re.MULTILINE)
"""A command that the document does not show: it puts in place what a reader has anyway."""


def commands_of(session: str) -> list[tuple[str, str]]:
    """Return each command of a session with the output that it is shown to have."""
    found: list[tuple[str, str]] = []
    for line in session.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1] = (found[-1][0] + "\n" + line[2:], "")
        else:
            found[-1] = (found[-1][0], found[-1][1] + line + "\n")
    return found


def form_of(text: str) -> str:
    """Return the text with all that differs from run to run replaced by its form."""
    text = re.sub("  +", "  ", UUID.sub("UUID", text))
    for pattern, form in FORMS:
        text = pattern.sub(form, text)
    return text.rstrip()


def is_shown(expected: str, actual: str) -> bool:
    """Tell whether the output is the one that the document shows."""
    parts = re.split(r"^\.\.\.$\n?", form_of(expected) + "\n", flags=re.MULTILINE)
    pattern = r"(?:.*\n)*?".join(map(re.escape, parts))
    return re.fullmatch(pattern, form_of(actual) + "\n") is not None


class Session:
    """A shell at work in one directory, which knows what the document calls each UUID."""

    def __init__(self, directory: Path, registry: Registry | None) -> None:
        self._registry = registry
        self._names: dict[str, str] = {}
        self._home = str(directory / "work")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = str(probe.getsockname()[1])
        environment = prepare(directory)
        del environment["IMGADM_ROOT"], environment["IMGADM_CONNECT_RETRIES"]
        self._shell = subprocess.Popen(
            ["/bin/bash"],
            cwd=self._home,
            env=environment | {"HOME": self._home},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str, expected: str) -> str:
        """Run a command of the document, and return what it printed."""
        for shown, real in self._names.items():
            command = command.replace(shown, real)
        command = command.replace(":8080", f":{self._port}")
        if self._registry is not None:
            command = command.replace(SHOWN_URL, self._registry.url)
        command = re.sub(r"imgadm serve (?!.*-l )", rf"\g<0>-l 127.0.0.1:{self._port} ", command)
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n%s\\n' {END}\n")
        self._shell.stdin.flush()
        lines = []
        for line in self._shell.stdout:
            if line.rstrip() == END:
                break
            lines.append(line)
        printed = "".join(lines).replace(self._home, SHOWN_DIRECTORY)
        if self._registry is not None:
            printed = printed.replace(self._registry.url, SHOWN_URL)
            printed = printed.replace(self._registry.host, SHOWN_URL.removeprefix("https://"))
        if "imgadm serve" in command:
            self._await_server()
        self._names |= dict(zip(UUID.findall(expected), UUID.findall(printed), strict=False))
        return printed

    def _await_server(self) -> None:
        """Wait until the server in the background listens; how fast a host is decides nothing."""
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", int(self._port))).close()
            except ConnectionRefusedError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the server does not listen")

    def close(self) -> None:
        """End the shell, and the server that it has left in the background."""
        self._shell.communicate("kill $(jobs -p)\n", timeout=20)


def push_busybox(registry: Registry, directory: Path) -> None:
    """Push a small image by the name that the tutorial imports."""
    files = {
        "bin/": b"",
        "bin/busybox": bytes(range(256)) * 400,
        "etc/": b"",
        "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
    }
    layout = Layout(directory)
    layout.tag("latest", layout.add_image([tar_of(files)]))
    layout.push("latest", f"{registry.host}/busybox:latest")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_sessions_run_as_shown(document: str, tmp_path: Path) -> None:
    text = (TREE / document).read_text()
    programs = " ".join(WANTED.findall(text)).split()
    for program in programs:
        if shutil.which(program, path=os.environ["PATH"] + ":/sbin:/usr/sbin") is None:
            pytest.skip(f"{document} shows {program}, which is not on this host")
    with contextlib.ExitStack() as open_until_the_end:
        registry = None
        if "docker-registry" in programs:
            registry = open_until_the_end.enter_context(Registry(tmp_path / "registry"))
            push_busybox(registry, tmp_path / "layout")
        session = open_until_the_end.enter_context(contextlib.closing(Session(tmp_path, registry)))
        for command in BEFORE.findall(text):
            session.run(command, "")
        for block in SESSION.findall(text):
            for command, expected in commands_of(block):
                printed = session.run(command, expected)
                assert is_shown(expected, printed), (
                    f"{document}: $ {command}\n--- shown\n{expected}\n--- printed\n{printed}"
                )
