"""Blocks that no compressor writes; the standard library's decoder is the oracle."""

from __future__ import annotations

import bz2

import pytest

from imgadm._native import Bzip2Error
from tests.unit.native.bzip2_files import (
    BLOCK_MAGIC,
    END_MAGIC,
    THREADS,
    Bits,
    craft,
    decode,
    nibbles,
    noise,
    random_symbols,
    repeats,
)


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
