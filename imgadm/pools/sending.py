"""The ZFS stream of an installed image: a file, or made while it is read."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from imgadm._native import VolumeStreamWriter
from imgadm.base.errors import InternalError
from imgadm.base.files.opening import open_regular
from imgadm.base.programs.programs import log_program
from imgadm.streams import RawVolume

_PIECE = 1024 * 1024


@dataclass(frozen=True)
class StoredStream:
    """A stream in a file, open for reading; the caller closes ``file``."""

    file: BinaryIO


@dataclass(frozen=True)
class MadeStream:
    """A stream that is made while it is read, until the end or until the generator is closed.

    Each piece is valid until the next. ``repeatable`` tells whether the stream has the same bytes
    every time.
    """

    chunks: Generator[memoryview, None, None]
    repeatable: bool


def disk_stream(
    disk: Path,
    volume: RawVolume,
    *,
    name: str,
    creation_time: int,
    origin: tuple[Path, RawVolume] | None,
) -> Generator[memoryview, None, None]:
    """Yield the ZFS stream of a raw disk, each piece valid until the next.

    ``volume`` describes the disk. ``name`` is the name of the snapshot in the stream, and
    ``creation_time`` its time in seconds since 1970. The stream is incremental if the disk and the
    volume of the ``origin`` are given.
    """
    descriptor = open_regular(disk)
    base = -1
    try:
        if origin is not None:
            base = open_regular(origin[0])
        writer = VolumeStreamWriter(
            descriptor,
            size=volume.size,
            block_size=volume.block_size,
            guid=volume.guid,
            creation_time=creation_time,
            name=name,
            from_guid=0 if origin is None else origin[1].guid,
            origin_fd=base,
            origin_size=0 if origin is None else origin[1].size,
        )
        memory = memoryview(bytearray(_PIECE))
        while size := writer.readinto(memory):
            yield memory[:size]
    finally:
        os.close(descriptor)
        if base >= 0:
            os.close(base)


def program_output(argv: Sequence[str]) -> Generator[memoryview, None, None]:
    """Yield what a program writes; raises InternalError, at the end, if the program fails."""
    started = time.monotonic()
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    memory = memoryview(bytearray(_PIECE))
    try:
        with process.stdout as stdout, process.stderr as stderr:
            while size := os.readv(stdout.fileno(), [memory]):
                yield memory[:size]
            said = stderr.read().decode(errors="replace").strip()
        if process.wait() != 0:
            raise InternalError(
                f"{' '.join(argv)} failed with exit status {process.returncode}: {said}"
            )
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait()
        log_program(argv, process.returncode, time.monotonic() - started)
