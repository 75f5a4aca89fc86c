"""What an operator sees of an import at a terminal."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import struct
import termios
import threading
from collections.abc import Iterator

import pytest

from .conftest import Serve
from .host import Host, Running, wait_until
from .images import Image, chain_of_three, sample_image
from .server import Server, serve_bytes, stall_after

GOOD = sample_image("zvol-full")
SUMMARY = re.compile(
    r"    [\d.]+ MiB in [\d.]+ s \([\d.]+ .?i?B/s\), bottleneck: [\w ]+, \d+% busy"
)


class Terminal:
    """A terminal of 24 lines, and a program on it."""

    def __init__(self, host: Host, columns: int, *words: str, **environment: str) -> None:
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        host.environment |= {"TERM": "xterm", **environment}
        self.running: Running = host.start(*words, stdout=slave, stderr=slave)
        os.close(slave)
        self._seen = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while piece := os.read(self._master, 4096):
                self._seen += piece
        except OSError:  # the last process that had the terminal open has ended
            pass

    @property
    def seen(self) -> str:
        return self._seen.decode()

    def finish(self) -> int:
        done = self.running.finish()
        self._reader.join()
        os.close(self._master)
        return done.status

    @property
    def lines(self) -> list[str]:
        """The lines that stay, each as it looks after all that was written over it."""
        return [_final(line) for line in self.seen.split("\r\n")]


def _final(line: str) -> str:
    """What is left of a line after carriage returns and erasures."""
    shown = ""
    for part in line.split("\r"):
        text = part
        if text.startswith("\x1b[K"):
            shown, text = "", text.removeprefix("\x1b[K")
        shown = text + shown[len(text) :]
    return shown.rstrip()


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def slow_server(serve: Serve, released: threading.Event, slow: Image, *others: Image) -> Server:
    """Sends one half of the file of ``slow``, and the other when ``released``."""
    behaviours = [stall_after(len(slow.data) // 2, slow.data, released), serve_bytes(slow.data)]
    return serve(slow, *others, special={f"/images/{slow.uuid}/file": behaviours})


@pytest.mark.parametrize("columns", [80, 40, 20])
def test_bar_while_it_lasts_and_a_summary(
    columns: int, host: Host, serve: Serve, released: threading.Event
) -> None:
    server = slow_server(serve, released, GOOD)
    terminal = Terminal(host, columns, "import", "-S", server.url, GOOD.uuid)
    wait_until(lambda: re.search(r" ?(49|50)% ", terminal.seen) is not None)
    assert ("[====" in terminal.seen) is (columns == 80)
    released.set()
    assert terminal.finish() == 0
    assert [line for line in terminal.lines if "%" in line and "busy" not in line] == []
    downloaded, imported, warning, summary, _ = terminal.lines[-5:]
    assert downloaded.startswith(f"Downloaded image {GOOD.uuid} (")
    assert imported == f"Imported image {GOOD.title}"
    assert warning == "imgadm import: warning: the connection was lost and resumed once"
    assert SUMMARY.fullmatch(summary)


@pytest.mark.parametrize("columns", [80, 40, 20])
def test_ctrl_c_leaves_one_clean_line(
    columns: int, host: Host, serve: Serve, released: threading.Event
) -> None:
    server = slow_server(serve, released, GOOD)
    terminal = Terminal(host, columns, "import", "-S", server.url, GOOD.uuid)
    wait_until(lambda: re.search(r" ?(49|50)% ", terminal.seen) is not None)
    terminal.running.signal(signal.SIGINT)
    assert terminal.finish() == 130
    assert terminal.lines[-2:] == ["imgadm import: error (Interrupted): interrupted", ""]
    assert terminal.lines[-3].startswith("Must download and install 1 image")
    host.assert_tidy()


def test_bar_for_each_image_of_a_chain(host: Host, serve: Serve, released: threading.Event) -> None:
    base, child, _ = chain_of_three()
    server = slow_server(serve, released, base, child)
    terminal = Terminal(host, 80, "import", "-S", server.url, child.uuid)
    wait_until(lambda: str(base.manifest["name"])[:19] in terminal.seen.rpartition("\n")[2])
    released.set()
    assert terminal.finish() == 0
    kinds = [line.partition(" ")[0] for line in terminal.lines if line]
    assert kinds[3:] == [
        *("Downloaded", "Imported", "imgadm", ""),
        *("Downloaded", "Imported", ""),
    ]


@pytest.mark.parametrize(
    ("options", "environment", "has_summary"),
    [(["-q"], {}, False), ([], {"TERM": "dumb"}, True), (["--json"], {}, False)],
    ids=["quiet", "dumb", "json"],
)
def test_no_bar(
    options: list[str], environment: dict[str, str], has_summary: bool, host: Host, serve: Serve
) -> None:
    server = serve(GOOD)
    words = ["import", *options, "-S", server.url, GOOD.uuid]
    terminal = Terminal(host, 80, *words, **environment)
    assert terminal.finish() == 0
    assert "\x1b" not in terminal.seen
    assert "\r" not in terminal.seen.replace("\r\n", "\n")
    assert any(SUMMARY.fullmatch(line) for line in terminal.lines) is has_summary


def test_no_colours(host: Host, serve: Serve) -> None:
    terminal = Terminal(host, 80, "import", "-S", serve(GOOD).url, GOOD.uuid, NO_COLOR="1")
    assert terminal.finish() == 0
    assert re.sub(r"\x1b\[[AK]", "", terminal.seen).count("\x1b") == 0
