"""Decodes bzip2 files with the native core, and makes those that no compressor writes."""

from __future__ import annotations

import random
import re

import pytest

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


def repeats(count: int) -> list[int]:
    """The digits 1 and 2 of a run's length, the least first, as symbols 0 and 1."""
    digits = []
    while count:
        digits.append((count - 1) % 2)
        count = (count - 1) // 2
    return digits
