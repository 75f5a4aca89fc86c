"""The native parts under the stages: hashes, meters, and moving bytes between descriptors."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgadm._native import (
    Cancelled,
    Meter,
    Sha1,
    move_and_hash,
    move_bytes,
    read_into,
    sha1_engines,
    write_all,
)
from imgadm.streams.engine.cancellation import CancelToken
from imgadm.streams.engine.descriptors import PIPE_SIZE, make_pipe

CONTENT = bytes(range(256)) * 5000


def test_there_is_a_portable_engine_and_a_best_one() -> None:
    assert "portable" in sha1_engines()
    with pytest.raises(ValueError, match="no such SHA-1 engine here: abacus"):
        Sha1(engine="abacus")


@pytest.mark.parametrize("engine", ["", *sha1_engines()])
def test_every_length_around_a_block_is_hashed_right(engine: str) -> None:
    for length in [*range(200), 4095, 4096, 4097, 100_001]:
        hasher = Sha1(engine=engine)
        hasher.update(CONTENT[:length])
        assert hasher.hexdigest() == hashlib.sha1(CONTENT[:length]).hexdigest()
        assert hasher.length == length


@given(parts=st.lists(st.binary(max_size=300), max_size=10), engine=st.sampled_from(sha1_engines()))
def test_hashing_in_any_pieces(parts: list[bytes], engine: str) -> None:
    ours, theirs = Sha1(engine=engine), hashlib.sha1()
    for part in parts:
        ours.update(part)
        theirs.update(part)
        assert ours.digest() == theirs.digest()  # and goes on after it
        assert ours.copy().digest() == theirs.digest()


@pytest.mark.parametrize("engine", sha1_engines())
def test_a_copy_goes_its_own_way(engine: str) -> None:
    first = Sha1(engine=engine)
    first.update(b"a")
    second = first.copy()
    second.update(b"b")
    assert first.hexdigest() == hashlib.sha1(b"a").hexdigest()
    assert second.hexdigest() == hashlib.sha1(b"ab").hexdigest()
    assert (first.length, second.length) == (1, 2)


@pytest.mark.parametrize("engine", sha1_engines())
def test_more_than_four_gigabits(engine: str) -> None:
    piece = bytes(64 * 1024 * 1024)
    ours, theirs = Sha1(engine=engine), hashlib.sha1()
    for _ in range(9):
        ours.update(piece)
        theirs.update(piece)
    assert ours.digest() == theirs.digest()


def test_only_bytes_in_a_row_are_hashed() -> None:
    with pytest.raises(BufferError):
        Sha1().update(memoryview(b"abcdef")[::2])
    with pytest.raises(TypeError):
        Sha1().update("text")  # type: ignore[arg-type]


def test_a_meter_counts_bytes_and_waits() -> None:
    meter = Meter()
    meter.add_in(3)
    meter.add_in(4)
    meter.add_out(2**40)
    assert (meter.bytes_in, meter.bytes_out) == (7, 2**40)
    assert (meter.waited_for_input, meter.waited_for_output) == (0, 0)
    meter.begin_input_wait()
    time.sleep(0.02)
    assert 0.02 <= meter.waited_for_input < 1
    meter.end_wait()
    done = meter.waited_for_input
    time.sleep(0.01)
    assert (meter.waited_for_input, meter.waited_for_output) == (done, 0)
    meter.end_wait()  # nobody waits
    assert meter.waited_for_input == done


def test_waits_only_grow_for_whoever_looks() -> None:
    """Also while the native core, without the GIL, books one short wait after the other."""
    meter = Meter()
    with Pipes() as pipes:
        mover = threading.Thread(
            target=move_bytes, args=(pipes.source, pipes.sink, pipes.cancel.fileno(), meter)
        )
        mover.start()
        last = 0.0
        deadline = time.monotonic() + 0.3
        while time.monotonic() < deadline:
            os.write(pipes.feed, b"x")
            for _ in range(20):
                now = meter.waited_for_input
                assert now >= last
                last = now
            os.read(pipes.drain, 100)
        pipes.end_of_input()
        mover.join()


class Pipes:
    """What goes into ``feed`` comes out of ``source``, what goes into ``sink`` out of ``drain``."""

    def __enter__(self) -> Pipes:
        self.source, self.feed = os.pipe()
        self.drain, self.sink = os.pipe()
        for descriptor in (self.source, self.sink):
            os.set_blocking(descriptor, False)
        self.cancel = CancelToken()
        self.meter = Meter()
        return self

    def end_of_input(self) -> None:
        os.close(self.feed)
        self.feed = -1

    def __exit__(self, *ignored: object) -> None:
        for descriptor in (self.source, self.feed, self.drain, self.sink):
            if descriptor >= 0:
                os.close(descriptor)
        self.cancel.close()


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    with Pipes() as pipes:
        yield pipes


def feed_and_drain(pipes: Pipes, content: bytes) -> tuple[threading.Thread, bytearray]:
    """Writes and reads on the other ends, each on a thread of its own."""
    drained = bytearray()

    def drain() -> None:
        while piece := os.read(pipes.drain, 65536):
            drained.extend(piece)

    def feed() -> None:
        view = memoryview(content)
        while view:
            view = view[os.write(pipes.feed, view[:50_000]) :]
        pipes.end_of_input()

    threading.Thread(target=feed).start()
    drainer = threading.Thread(target=drain)
    drainer.start()
    return drainer, drained


def test_bytes_go_from_pipe_to_pipe(pipes: Pipes) -> None:
    drainer, drained = feed_and_drain(pipes, CONTENT)
    moved = move_bytes(pipes.source, pipes.sink, pipes.cancel.fileno(), pipes.meter)
    os.close(pipes.sink)
    pipes.sink = -1
    drainer.join()
    assert drained == CONTENT
    assert moved == pipes.meter.bytes_in == pipes.meter.bytes_out == len(CONTENT)


def test_bytes_are_hashed_on_the_way(pipes: Pipes) -> None:
    drainer, drained = feed_and_drain(pipes, CONTENT)
    hasher = Sha1()
    moved = move_and_hash(pipes.source, pipes.sink, pipes.cancel.fileno(), pipes.meter, hasher)
    os.close(pipes.sink)
    pipes.sink = -1
    drainer.join()
    assert drained == CONTENT
    assert hasher.digest() == hashlib.sha1(CONTENT).digest()
    assert moved == pipes.meter.bytes_in == pipes.meter.bytes_out == len(CONTENT)


@pytest.mark.parametrize("limit", [0, 1, 4096, 5000])
def test_what_comes_beyond_the_limit_is_left(pipes: Pipes, limit: int) -> None:
    os.write(pipes.feed, CONTENT[:6000])
    cancel = pipes.cancel.fileno()
    assert move_bytes(pipes.source, pipes.sink, cancel, pipes.meter, limit=limit) == limit
    assert os.read(pipes.source, 10_000) == CONTENT[limit:6000]
    os.write(pipes.feed, CONTENT[:6000])
    hasher = Sha1()
    assert (
        move_and_hash(pipes.source, pipes.sink, cancel, pipes.meter, hasher, limit=limit) == limit
    )
    assert os.read(pipes.source, 10_000) == CONTENT[limit:6000]
    assert hasher.hexdigest() == hashlib.sha1(CONTENT[:limit]).hexdigest()


def test_what_the_kernel_cannot_move_goes_through_memory(tmp_path: Path) -> None:
    """Between two files, and out of a socket into one: neither splice nor tee takes these."""
    (tmp_path / "from").write_bytes(CONTENT)
    cancel, sent, received = CancelToken(), *socket.socketpair()
    sender = threading.Thread(target=lambda: (sent.sendall(CONTENT), sent.close()))
    sender.start()
    with (
        (tmp_path / "from").open("rb") as source,
        (tmp_path / "moved").open("wb") as moved,
        (tmp_path / "hashed").open("wb") as hashed,
        received,
    ):
        meter, hasher = Meter(), Sha1()
        assert move_bytes(
            source.fileno(), moved.fileno(), cancel.fileno(), meter, limit=1_000_000
        ) == (1_000_000)
        assert (meter.bytes_in, meter.bytes_out) == (1_000_000, 1_000_000)
        received.setblocking(False)
        move_and_hash(received.fileno(), hashed.fileno(), cancel.fileno(), Meter(), hasher)
    sender.join()
    cancel.close()
    assert (tmp_path / "moved").read_bytes() == CONTENT[:1_000_000]
    assert (tmp_path / "hashed").read_bytes() == CONTENT
    assert hasher.hexdigest() == hashlib.sha1(CONTENT).hexdigest()


def test_errors_are_those_of_the_system(pipes: Pipes) -> None:
    cancel, meter = pipes.cancel.fileno(), pipes.meter
    with pytest.raises(OSError, match="Bad file descriptor"):
        read_into(-1, bytearray(1), cancel, meter)
    os.close(pipes.drain)
    pipes.drain = -1
    os.write(pipes.feed, b"some")
    with pytest.raises(BrokenPipeError):
        write_all(pipes.sink, b"some", cancel, meter)
    with pytest.raises(BrokenPipeError):
        move_and_hash(pipes.source, pipes.sink, cancel, meter, Sha1())
    with pytest.raises(BrokenPipeError):
        move_bytes(pipes.source, pipes.sink, cancel, meter)
    assert meter.bytes_out == 0


def test_a_silence_that_lasts_too_long_is_a_timeout(pipes: Pipes) -> None:
    cancel, meter = pipes.cancel.fileno(), pipes.meter
    with pytest.raises(TimeoutError) as caught:
        read_into(pipes.source, bytearray(9), cancel, meter, stall_milliseconds=20)
    assert caught.value.errno == errno.ETIMEDOUT
    with pytest.raises(TimeoutError):
        move_bytes(pipes.source, pipes.sink, cancel, meter, stall_milliseconds=20)
    assert meter.waited_for_input >= 0.04


@pytest.mark.parametrize("what", ["read", "write", "move", "hash"])
def test_whoever_waits_is_woken(pipes: Pipes, what: str) -> None:
    cancel, meter = pipes.cancel.fileno(), pipes.meter
    calls: dict[str, Callable[[], object]] = {
        "read": lambda: read_into(pipes.source, bytearray(9), cancel, meter),
        "write": lambda: write_all(pipes.sink, bytes(10_000_000), cancel, meter),
        "move": lambda: move_bytes(pipes.source, pipes.sink, cancel, meter),
        "hash": lambda: move_and_hash(pipes.source, pipes.sink, cancel, meter, Sha1()),
    }
    threading.Timer(0.05, pipes.cancel.cancel).start()
    with pytest.raises(Cancelled):
        calls[what]()
    assert meter.waited_for_input + meter.waited_for_output > 0.01


def test_whoever_never_waits_is_stopped_too() -> None:
    cancel = CancelToken()
    threading.Timer(0.05, cancel.cancel).start()
    with (
        Path("/dev/zero").open("rb") as source,
        Path("/dev/null").open("wb") as sink,
        pytest.raises(Cancelled),
    ):
        move_bytes(source.fileno(), sink.fileno(), cancel.fileno(), Meter())
    cancel.close()


def test_only_memory_in_a_row_is_read_into(pipes: Pipes) -> None:
    cancel, meter = pipes.cancel.fileno(), pipes.meter
    os.write(pipes.feed, b"abc")
    with pytest.raises(BufferError):
        read_into(pipes.source, memoryview(bytearray(6))[::2], cancel, meter)
    with pytest.raises(BufferError):
        read_into(pipes.source, b"const", cancel, meter)
    room = bytearray(b"......")
    assert read_into(pipes.source, memoryview(room)[2:5], cancel, meter) == 3
    assert room == b"..abc."


def test_pipes_are_large_and_do_not_block() -> None:
    read_end, write_end = make_pipe()
    try:
        assert not os.get_blocking(read_end)
        assert not os.get_inheritable(read_end)
        written = 0
        while True:
            try:
                written += os.write(write_end, bytes(65536))
            except BlockingIOError:
                break
        assert written in (65536, PIPE_SIZE)
    finally:
        os.close(read_end)
        os.close(write_end)
