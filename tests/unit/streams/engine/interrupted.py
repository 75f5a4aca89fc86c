"""A program that runs one pipeline, says when it is in the middle of it, and what is left of it."""

from __future__ import annotations

import gzip
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import zstandard

from imgadm import streams
from tests.unit.streams.stages import Blocked, Collect, Supply, children, open_descriptors, unending

Stages = list[streams.Stage]

#: Seconds for which everything here waits that nobody interrupts: longer than a test may take.
LONG = 1000


def fetch(url: str, delays: tuple[float, ...] = (0.0, LONG)) -> Stages:
    get = streams.http_get(url, stall_timeout=LONG, delays=delays)
    return [get, streams.checksum("sha1"), Collect(keep=False)]


def decode(compressed: bytes) -> Stages:
    """One small file again and again: the decoder is always busy."""
    return [Supply(unending(compressed)), streams.decompress(None), Collect(keep=False)]


def into(script: str) -> Stages:
    return [
        Supply(unending()),
        streams.checksum("sha1"),
        streams.into_process(["sh", "-c", script]),
    ]


def ends_then_hangs(url: str) -> Stages:
    return [Supply([b"all"]), streams.into_process(["sh", "-c", f"cat >/dev/null; sleep {LONG}"])]


def scratch() -> Path:
    return Path(tempfile.gettempdir()) / "scratch"


SITUATIONS: dict[str, Callable[[str], Stages]] = {
    "fetch stalls": fetch,
    "chunked fetch stalls": fetch,
    "waits before it reconnects": fetch,
    "reconnects": lambda url: fetch(url, delays=(0.0, 0.0)),
    "reads the prefix again": fetch,
    "waits for the words of an error": fetch,
    "source brings nothing": lambda url: [Supply(nothing()), Collect()],
    "gzip decoder is busy": lambda url: decode(gzip.compress(bytes(10_000_000))),
    "zstd decoder is busy": lambda url: decode(zstandard.compress(bytes(10_000_000))),
    "sink is blocked": lambda url: [Supply(unending()), streams.checksum("sha1"), Blocked()],
    "program reads": lambda url: into("cat >/dev/null"),
    "program does not read": lambda url: into(f"sleep {LONG}"),
    "program ignores signals": lambda url: into(f'trap "" TERM INT; sleep {LONG}'),
    "program takes its time at the end": ends_then_hangs,
    "file is written": lambda url: [
        streams.read_file("/dev/zero"),
        streams.write_file(scratch()),
    ],
    "branch is blocked": lambda url: [
        Supply(unending()),
        streams.tee(streams.checksum("sha1"), Blocked()),
        streams.discard(),
    ],
    "program in a branch does not read": lambda url: [
        Supply(unending()),
        streams.tee(streams.tee(streams.into_process(["sleep", str(LONG)])), streams.discard()),
        streams.write_file(scratch()),
    ],
}


def nothing() -> Iterator[bytes]:
    time.sleep(0.5)  # what a stage does with its own thread has an end of its own
    yield b""


#: Where a request may be left behind, that ends by its own time-out: on a busy machine one may be
#: under way still when its answer is meant to be read.
MAY_STAY = {
    "waits before it reconnects",
    "reconnects",
    "reads the prefix again",
    "waits for the words of an error",
}


def main(situation: str, url: str) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    stages = SITUATIONS[situation](url)
    before = open_descriptors()
    begin = time.monotonic()
    told = False

    def tell(report: streams.Report) -> None:
        nonlocal told
        if not told and time.monotonic() - begin > 0.3:
            told = True
            print("in the middle", flush=True)

    try:
        streams.run(*stages, on_progress=tell, interval=0.02)
        ending = "success"
    except BaseException as error:
        ending = type(error).__name__
    left = children() + [it.name for it in threading.enumerate() if it.name.startswith("imgadm-")]
    left += sorted(open_descriptors() - before)
    if situation in MAY_STAY:
        left = [it for it in left if it != "imgadm-call" and "socket" not in it]
    print(ending, "left:", *left, flush=True)
    os._exit(0)
