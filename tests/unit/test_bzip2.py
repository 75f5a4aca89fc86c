"""The bzip2 decoder of the native core, with the standard library's as the oracle."""

from __future__ import annotations

import bz2
import random
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm._native import Bzip2Decoder, Bzip2Error

THREADS = [1, 2, 3]
BLOCK_MAGIC = 0x314159265359
END_MAGIC = 0x177245385090


def drain(decoder: Bzip2Decoder, data: bytes, piece: int = 1 << 16, room: int = 1 << 16) -> bytes:
    buffer = bytearray(room)
    decoded = bytearray()
    fed = 0
    while (count := decoder.readinto(buffer)) != 0:
        if count is not None:
            decoded += memoryview(buffer)[:count]
        elif fed < len(data):
            decoder.feed(memoryview(data)[fed : fed + piece])
            fed += piece
        else:
            decoder.end_of_input()
    return bytes(decoded)


def decode(data: bytes, threads: int = 2, piece: int = 1 << 16, room: int = 1 << 16) -> bytes:
    decoder = Bzip2Decoder(threads)
    try:
        return drain(decoder, data, piece, room)
    finally:
        decoder.close()


def noise(count: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(count)


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


class Bits:
    """A stream put together bit by bit, to hold what no compressor writes."""

    def __init__(self, level: int = 9) -> None:
        self.text = "".join(f"{byte:08b}" for byte in b"BZh%d" % level)
        self.combined = 0

    def block(self, crc: int, symbols: list[int], code: int, origin: int, randomised: bool, extra):
        """Every code is ``code`` bits long, and so is its symbol; the highest ends the block."""
        in_use = f"{(1 << (1 << code) - 2) - 1:0256b}"
        rows = [in_use[at : at + 16] for at in range(0, 256, 16)]
        selectors = len(symbols) // 50 + 1 + extra
        self.text += f"{BLOCK_MAGIC:048b}{crc:032b}{randomised:b}{origin:024b}"
        self.text += "".join("01"["1" in row] for row in rows)
        self.text += "".join(row for row in rows if "1" in row)
        self.text += f"{2:03b}{selectors:015b}" + "0" * selectors
        self.text += 2 * (f"{code:05b}" + "0" * (1 << code))
        self.text += "".join(f"{symbol:0{code}b}" for symbol in [*symbols, (1 << code) - 1])
        self.combined = (self.combined << 1 & 0xFFFFFFFF | self.combined >> 31) ^ crc

    def finish(self) -> bytes:
        text = self.text + f"{END_MAGIC:048b}{self.combined:032b}"
        text += "0" * (-len(text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big")


def craft(*blocks: list[int], code: int = 4, origin: int = 0, randomised: bool = False, extra=0):
    """A stream of the blocks, their checksums learnt one by one from being refused."""
    known: list[int] = []
    while True:
        stream = Bits()
        for index, symbols in enumerate(blocks):
            crc = known[index] if index < len(known) else 0
            stream.block(crc, symbols, code, origin, randomised, extra)
        if len(known) == len(blocks):
            return stream.finish()
        with pytest.raises(Bzip2Error, match="block is corrupt") as caught:
            decode(stream.finish(), 1)
        known.append(int(re.findall("got checksum 0x(.{8})", str(caught.value))[0], 16))


def nibbles(value: int) -> list[int]:
    return [int(digit, 16) for digit in f"{value:012x}"]


def random_symbols(count: int, seed: int, code: int = 4, lowest: int = 0) -> list[int]:
    choose = random.Random(seed)
    return [choose.randrange(lowest, (1 << code) - 1) for _ in range(count)]


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("extra", range(8))
@pytest.mark.parametrize("magic", [BLOCK_MAGIC, END_MAGIC], ids=["block", "end"])
def test_a_magic_inside_a_block_is_data(threads, extra, magic):
    blocks = [
        random_symbols(300, seed) + nibbles(magic) * 3 + random_symbols(400, seed + 1)
        for seed in (1, 2, 3)
    ]
    file = craft(*blocks, extra=extra)
    bits = f"{int.from_bytes(file, 'big'):0{len(file) * 8}b}"
    assert bits.count(f"{magic:048b}") >= 9
    assert decode(file, threads, piece=50) == bz2.decompress(file)


@pytest.mark.parametrize("threads", THREADS)
def test_a_whole_stream_inside_a_block_is_data(threads):
    streams = (bz2.compress(noise(60, seed)) for seed in range(1000))
    inner = [stream for stream in streams if 0xFF not in stream][:5]
    assert len(inner) == 5
    symbols = [byte for stream in inner for byte in stream]
    file = craft(symbols, random_symbols(200, 1, code=8), symbols, code=8)
    assert all(stream in file or decode(stream) for stream in inner)
    assert decode(file, threads, piece=100) == bz2.decompress(file)


@pytest.mark.parametrize("seed", range(12))
def test_rows_that_form_several_cycles(seed):
    file = craft(random_symbols(3000 + seed, seed), origin=100 * seed)
    assert decode(file) == bz2.decompress(file)


@pytest.mark.parametrize("length", [5, 616, 617, 618, 5000, 300_000])
def test_randomised_blocks(length):
    """No compressor since 0.9.0 writes them, and the reference still reads them."""
    symbols = random_symbols(length, seed=0, lowest=2)
    plain, randomised = craft(symbols), craft(symbols, randomised=True)
    assert decode(randomised) == bz2.decompress(randomised)
    assert (decode(randomised) != decode(plain)) == (length > 617)


def repeats(count: int) -> list[int]:
    """The digits 1 and 2 of a run's length, the least first, as symbols 0 and 1."""
    digits = []
    while count:
        digits.append((count - 1) % 2)
        count = (count - 1) // 2
    return digits


@pytest.mark.parametrize("quintets", [1, 2, 8000, 170_000])
@pytest.mark.parametrize("more", range(5))
def test_four_equal_bytes_need_their_count(quintets, more):
    """Byte 242 over and over: every five of them stand for 4 + 242."""
    symbols = repeats(5 * quintets + more)
    if more < 4:
        file = craft(symbols)
        assert decode(file) == bz2.decompress(file) == b"\xf2" * (246 * quintets + more)
        return
    stream = Bits()
    stream.block(0, symbols, 4, 0, False, 0)
    with pytest.raises(Bzip2Error, match="malformed"):
        decode(stream.finish())
    with pytest.raises(OSError, match="Invalid data stream"):
        bz2.decompress(stream.finish())


@pytest.mark.parametrize("symbols", [[2] * 50 + repeats(900_000), repeats(1 << 22)])
def test_refuses_blocks_longer_than_the_format_allows(symbols):
    stream = Bits()
    stream.block(0, symbols, 4, 0, False, 0)
    with pytest.raises(Bzip2Error, match="malformed") as caught:
        decode(stream.finish())
    assert (caught.value.kind, caught.value.offset) == ("format", 4)


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
