"""Servers of disks that say something else than they should."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from imgadm.streams.nbd import NbdDisk, NbdError

GREETING = b"NBDMAGICIHAVEOPT\0\3"
SIZE = 1 << 20


def option_reply(option: int, kind: int, payload: bytes = b"") -> bytes:
    return struct.pack(">QIII", 0x3E889045565A9, option, kind, len(payload)) + payload


STRUCTURED = option_reply(8, 1)
CONTEXT = option_reply(10, 4, struct.pack(">I", 1) + b"base:allocation") + option_reply(10, 1)
NO_CONTEXT = option_reply(10, 1)
EXPORT = option_reply(7, 3, struct.pack(">HQH", 0, SIZE, 3)) + option_reply(7, 1)
READY = GREETING + STRUCTURED + CONTEXT + EXPORT


def chunk(kind: int, payload: bytes, *, cookie: int = 1, flags: int = 1) -> bytes:
    return struct.pack(">IHHQI", 0x668E33EF, flags, kind, cookie, len(payload)) + payload


@contextmanager
def server(says: bytes) -> Iterator[socket.socket]:
    """The near end of a connection at whose other end everything is said, and nothing heard."""
    near, far = socket.socketpair()

    def listen() -> None:
        while far.recv(1 << 16):
            pass

    with near, far:
        ears = threading.Thread(target=listen)
        ears.start()
        far.sendall(says)
        far.shutdown(socket.SHUT_WR)
        try:
            yield near
        finally:
            near.shutdown(socket.SHUT_RDWR)
            ears.join()


@pytest.mark.parametrize(
    ("says", "message"),
    [
        (b"", "has ended"),
        (b"HTTP/1.1 400 Bad Request\r\n", "speaks no NBD"),
        (b"NBDMAGICIHAVEOPT\0\0", "speaks no NBD"),
        (GREETING + option_reply(8, 1 << 31 | 1), "no structured replies"),
        (GREETING + option_reply(7, 1), "out of turn"),
        (GREETING + struct.pack(">QIII", 0x3E889045565A9, 8, 1, 1 << 31), "answers with"),
        (GREETING + STRUCTURED + NO_CONTEXT + option_reply(7, 1), "does not offer it"),
        (GREETING + STRUCTURED + NO_CONTEXT + option_reply(7, 1 << 31 | 6), "does not offer it"),
        (GREETING + STRUCTURED + option_reply(10, 4) * 200, "out of turn"),
        (READY[:-5], "has ended"),
    ],
)
def test_negotiations_that_fail(says: bytes, message: str) -> None:
    with server(says) as connection, pytest.raises(NbdError, match=message):
        NbdDisk(connection)


@pytest.mark.parametrize(
    ("says", "message"),
    [
        (b"", "has ended"),
        (chunk(1, bytes(8) + bytes(100)), None),
        (chunk(2, struct.pack(">QI", 0, 100)), None),
        (chunk(2, struct.pack(">QI", 0, 50), flags=0) + chunk(0, b""), None),
        (chunk(1, bytes(8) + bytes(101)), "other bytes"),
        (chunk(1, struct.pack(">Q", 1 << 40) + bytes(10)), "other bytes"),
        (chunk(2, struct.pack(">QI", 50, 1 << 31)), "other bytes"),
        (chunk(1, bytes(8) + bytes(100), cookie=9), "out of turn"),
        (chunk(5, bytes(12)), "out of turn"),
        (b"\0" * 20, "out of turn"),
        (chunk(1 << 15 | 1, struct.pack(">IH", 5, 4) + b"oops"), "cannot be read: oops"),
        (chunk(1 << 15 | 1, struct.pack(">IH", 5, 0)), "cannot be read: error 5"),
    ],
)
def test_answers_to_a_read(says: bytes, message: str | None) -> None:
    with server(READY + says) as connection:
        disk = NbdDisk(connection)
        assert disk.size == SIZE
        assert disk.read(SIZE, 10).nbytes == 0
        if message is None:
            assert disk.read(0, 100).nbytes == 100
        else:
            with pytest.raises(NbdError, match=message):
                disk.read(0, 100)


def status(*runs: tuple[int, int], cookie: int = 1) -> bytes:
    return chunk(5, struct.pack(">I", 1) + b"".join(struct.pack(">II", *run) for run in runs),
                 cookie=cookie)  # fmt: skip


def test_holes_are_asked_for_once() -> None:
    answers = status((4096, 3), (8192, 0), (4096, 3)) + status((SIZE - 16384, 2), cookie=2)
    with server(READY + answers) as connection:
        disk = NbdDisk(connection)
        assert disk.find_data(0) == (4096, 12288)
        assert disk.find_data(5000) == (5000, 12288)
        assert disk.find_data(12288) == (SIZE, SIZE)


def test_holes_are_told_to_who_comes_from_behind() -> None:
    answers = status((4096, 0)) + status((8192, 2), cookie=2) + status((SIZE - 12288, 0), cookie=3)
    with server(READY + answers) as connection:
        disk = NbdDisk(connection)
        assert disk.find_data(20_000) == (20_000, SIZE)


@pytest.mark.parametrize(
    ("says", "message"),
    [
        (status(), "does not tell"),
        (chunk(5, bytes(9)), "out of turn"),
        (chunk(1, bytes(20)), "out of turn"),
    ],
)
def test_answers_about_holes_that_make_no_sense(says: bytes, message: str) -> None:
    with server(READY + says) as connection:
        disk = NbdDisk(connection)
        with pytest.raises(NbdError, match=message):
            disk.find_data(0)


def test_server_that_knows_no_holes() -> None:
    with server(GREETING + STRUCTURED + NO_CONTEXT + EXPORT) as connection:
        assert NbdDisk(connection).find_data(7) == (7, SIZE)
