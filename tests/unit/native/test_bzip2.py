"""The bzip2 decoder of the native core, with the standard library's as the oracle."""

from __future__ import annotations

import bz2
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm._native import Bzip2Decoder, Bzip2Error
from tests.unit.native.bzip2_files import THREADS, decode, drain, noise

CONTENTS = {
    "noise": lambda size, seed: noise(size, seed),
    "text": lambda size, seed: bytes(random.Random(seed).choices(b"etaoin shrdlu\n", k=size)),
    "one byte": lambda size, seed: bytes([seed]) * size,
    "periodic": lambda size, seed: (noise(seed % 7 + 1, seed) * size)[:size],
    "runs": lambda size, seed: b"".join(
        bytes([value]) * length
        for value, length in zip(
            noise(size // 100 + 1, seed), noise(size // 100 + 1, seed + 1), strict=True
        )
    ),
    "every byte": lambda size, seed: (bytes(range(256)) * (size // 256 + 1))[seed : seed + size],
}


@settings(max_examples=120, deadline=None)
@given(
    kind=st.sampled_from(sorted(CONTENTS)),
    size=st.one_of(st.integers(0, 2000), st.integers(0, 320_000)),
    seed=st.integers(0, 255),
    level=st.integers(1, 9),
    threads=st.sampled_from(THREADS),
    piece=st.sampled_from([1, 7, 1000, 65_536, 1 << 20]),
    room=st.sampled_from([1, 333, 65_536, 1 << 20]),
)
def test_decodes_what_was_compressed(kind, size, seed, level, threads, piece, room):
    if piece == 1 or room == 1:
        size = min(size, 3000)
    data = CONTENTS[kind](size, seed)
    assert decode(bz2.compress(data, level), threads, piece, room) == data


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("length", [899_980, 899_981, 1_800_000, 2_700_001])
def test_blocks_of_full_length(threads, length):
    data = noise(length)
    assert decode(bz2.compress(data, 9), threads) == data


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize(
    "members",
    [[b""], [b"", b""], [b"a", b"b"], [b"", b"x" * 300_000, b"", noise(250_000), b""]],
    ids=["empty", "two empty", "two", "empty between full"],
)
def test_members_follow_one_another(threads, members):
    file = b"".join(bz2.compress(member, level) for level, member in enumerate(members, 1))
    assert decode(file, threads, piece=100) == b"".join(members)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize(
    "trailing", [b"\0", b"BZ!", b"BZh0", b"BZhx" + noise(50_000), bytes(100_000)]
)
def test_ignores_and_counts_what_follows_the_last_stream(threads, trailing):
    decoder = Bzip2Decoder(threads)
    assert drain(decoder, bz2.compress(b"image") + trailing, piece=1000) == b"image"
    assert decoder.ignored_trailing_bytes == len(trailing)


@pytest.mark.parametrize(
    ("file", "kind", "offset"),
    [
        (b"", "truncated", 0),
        (b"BZh", "truncated", 3),
        (b"\x1f\x8b\x08\0", "format", 0),
        (b"BZh0", "format", 0),
        (b"BZh9", "truncated", 4),
        (b"BZh9" + bytes(20), "format", 4),
        (bz2.compress(b"image") + b"BZh", "truncated", len(bz2.compress(b"image")) + 3),
        (bz2.compress(b"image") + b"BZh9garbage", "format", len(bz2.compress(b"image")) + 4),
    ],
)
def test_says_why_and_where_it_refuses(file, kind, offset):
    with pytest.raises(Bzip2Error) as caught:
        decode(file)
    assert (caught.value.kind, caught.value.offset) == (kind, offset)


@pytest.mark.parametrize("threads", [1, 2])
def test_refuses_every_truncation(threads):
    first, second = bz2.compress(b"first member"), bz2.compress(noise(100))
    file = first + second
    for cut in range(len(file)):
        if cut == len(first):
            continue
        with pytest.raises(Bzip2Error) as caught:
            decode(file[:cut], threads)
        assert (caught.value.kind, caught.value.offset) == ("truncated", cut)


@pytest.mark.parametrize("threads", [1, 2])
def test_refuses_truncation_among_large_blocks(threads):
    file = bz2.compress(noise(450_000), 1)
    for cut in random.Random(5).sample(range(4, len(file)), 60):
        with pytest.raises(Bzip2Error) as caught:
            decode(file[:cut], threads)
        assert caught.value.kind == "truncated"


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "data", [noise(700), CONTENTS["text"](250_000, 1)], ids=["one block", "three blocks"]
)
def test_flipped_bits_never_pass_for_data(threads, data):
    """A few bits mean nothing (padding, codes never used): the oracle knows which."""
    file = bytearray(bz2.compress(data, 1))
    header = range(4 * 8 + 300)
    for bit in [*header, *random.Random(3).sample(range(len(file) * 8), 200)]:
        file[bit // 8] ^= 0x80 >> bit % 8
        try:
            accepted = bz2.decompress(file) == data
        except (OSError, ValueError):
            accepted = False
        if accepted:
            assert decode(bytes(file), threads) == data
        else:
            with pytest.raises(Bzip2Error):
                decode(bytes(file), threads)
        file[bit // 8] ^= 0x80 >> bit % 8


@pytest.mark.parametrize("threads", [1, 2])
def test_a_corrupt_block_is_named_and_those_before_it_are_delivered(threads):
    data = noise(450_000)
    file = bytearray(bz2.compress(data, 1))
    file[len(file) // 2] ^= 4
    decoder = Bzip2Decoder(threads)
    decoder.feed(file)
    decoder.end_of_input()
    buffer = bytearray(1 << 20)
    decoded = bytearray()
    for _ in range(2):
        decoded += buffer[: decoder.readinto(buffer)]
    for _ in range(2):
        with pytest.raises(Bzip2Error, match=r"corrupt: got checksum 0x\w+, wanted 0x") as caught:
            decoder.readinto(buffer)
    assert caught.value.kind == "checksum"
    assert 0 < len(file) // 2 - caught.value.offset < 110_000
    assert len(decoded) > 190_000
    assert data.startswith(decoded)


def test_refuses_blocks_longer_than_their_stream_allows():
    file = bytearray(bz2.compress(noise(150_000), 2))
    file[3:4] = b"1"
    with pytest.raises(Bzip2Error, match="block is longer than its stream allows"):
        decode(bytes(file))


@pytest.mark.parametrize("threads", [0, -1, 257])
def test_refuses_a_senseless_number_of_threads(threads):
    with pytest.raises(ValueError, match=f"got {threads} threads, wanted 1 to 256"):
        Bzip2Decoder(threads)


def test_refuses_buffers_of_no_use():
    decoder = Bzip2Decoder(1)
    with pytest.raises(ValueError, match="empty buffer"):
        decoder.readinto(bytearray())
    with pytest.raises(BufferError):
        decoder.readinto(b"read only")
    with pytest.raises(TypeError):
        decoder.feed("text")
    decoder.end_of_input()
    with pytest.raises(ValueError, match="its input has ended"):
        decoder.feed(b"more")


def native_threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")


@LINUX
@pytest.mark.parametrize("close", [Bzip2Decoder.close, lambda decoder: None])
def test_no_thread_outlives_the_decoder(close):
    before = native_threads()
    decoder = Bzip2Decoder(3)
    assert native_threads() == before + 3
    decoder.feed(bz2.compress(noise(2_000_000)))
    assert decoder.readinto(bytearray(10)) in (None, 10)
    close(decoder)
    del decoder
    assert native_threads() == before


@pytest.mark.parametrize("threads", THREADS)
def test_close_ends_a_read_that_waits(threads):
    decoder = Bzip2Decoder(threads)
    decoder.feed(bz2.compress(noise(4_000_000)) * 3)
    reading = threading.Event()
    ends: list[ValueError] = []

    def read() -> None:
        buffer = bytearray(1000)
        try:
            while decoder.readinto(buffer) is not None:
                reading.set()
        except ValueError as error:
            ends.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    assert reading.wait(60)
    decoder.close()
    reader.join(60)
    assert not reader.is_alive()
    assert [str(error) for error in ends] == ["bzip2 decoder is closed"]
    decoder.close()
    with pytest.raises(ValueError, match="closed"):
        decoder.feed(b"more")


PEAK = """
import resource, sys
from imgadm._native import Bzip2Decoder

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

buffer, before, total = bytearray(1 << 18), peak(), 0
decoder = Bzip2Decoder(2)
with open(sys.argv[1], "rb", buffering=0) as file:
    while (count := decoder.readinto(buffer)) != 0:
        if count is not None:
            total += count
        elif piece := file.read(1 << 18):
            decoder.feed(piece)
        else:
            decoder.end_of_input()
print(total, (peak() - before) // 1024)
"""


@LINUX
@pytest.mark.parametrize(
    ("unit", "repeats"), [(noise(4_500_000), 4), (bytes(100_000_000), 5)], ids=["noise", "zeros"]
)
def test_memory_is_bounded(tmp_path: Path, unit, repeats):
    file = tmp_path / "data.bz2"
    file.write_bytes(bz2.compress(unit) * repeats)
    run = subprocess.run(
        [sys.executable, "-c", PEAK, str(file)], capture_output=True, text=True, check=True
    )
    total, mebibytes = map(int, run.stdout.split())
    assert total == len(unit) * repeats
    assert mebibytes < 48
