"""The bzip2 encoder, read by the reference library: contents that sort badly, and any other."""

from __future__ import annotations

import bz2
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm._native import bzip2_compress

LARGE = 899_981
RANDOM = random.Random(3)


def fibonacci(size: int) -> bytes:
    """Every prefix occurs again, and no power of three: the hardest to tell rotations of apart."""
    shorter, longer = b"a", b"ab"
    while len(longer) < size:
        shorter, longer = longer, longer + shorter
    return longer[:size]


def up_and_down(times: int) -> bytes:
    """No rotation begins a rise for a long time."""
    waves = bytes(range(256)) + bytes(range(255, -1, -1))
    return bytes(itertools.chain.from_iterable([byte] * times for byte in waves))


CONTENTS = {
    "nothing": b"",
    "one byte": b"x",
    "three equal bytes": b"xxx",
    "a run that is its own count": b"\x04" * 8,
    "all the same": bytes(LARGE),
    "period of two": b"ab" * 450_000,
    "period of three": b"aab" * 299_993,
    "period with an end": b"abcdefgh" * 110_000 + b"z",
    "Fibonacci word": fibonacci(LARGE),
    "noise": RANDOM.randbytes(LARGE),
    "noise twice": RANDOM.randbytes(440_000) * 2,
    "waves": up_and_down(1) * 1700,
    "waves of runs": up_and_down(3) * 580,
    "runs that grow": b"".join(bytes([at % 256]) * 4 for at in range(LARGE // 4)),
    "holes": b"".join(bytes(RANDOM.randrange(3000)) + b"xyz" for _ in range(590)),
    "two symbols": bytes(RANDOM.choices(b"ab", k=100_000)),
    "rare symbols": b"".join(bytes([at]) * (1 << at % 20) + b"-" for at in range(60)),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_it_is_read(name: str) -> None:
    content = CONTENTS[name]
    compressed = bzip2_compress(content, 9)
    assert bz2.decompress(compressed) == content
    assert len(compressed) <= len(bz2.compress(content)) * 1.005 + 20


@pytest.mark.parametrize("length", [*range(251, 262), *range(506, 518)])
def test_runs_of_every_length(length: int) -> None:
    content = b"b" * 7 + b"a" * length + b"b" * 3 + bytes(length)
    assert bz2.decompress(bzip2_compress(content, 1)) == content


@pytest.mark.parametrize("level", range(1, 10))
def test_blocks_are_as_large_as_the_level_says(level: int) -> None:
    size = level * 100_000 - 19
    content = (b"0123456789" * 90_000)[: size + 1]
    block_magic = 0x314159265359.to_bytes(6, "big")
    for length, blocks in ((size, 1), (size + 1, 2)):
        compressed = bzip2_compress(content[:length], level)
        assert compressed[:10] == b"BZh%d" % level + block_magic
        assert bz2.decompress(compressed) == content[:length]
        bits = f"{int.from_bytes(compressed, 'big'):b}"
        assert bits.count(f"{0x314159265359:048b}") == blocks


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.binary(max_size=30), st.integers(1, 300)),
        max_size=8,
    ),
    st.integers(1, 9),
)
def test_any_content(parts: list[tuple[bytes, int]], level: int) -> None:
    content = b"".join(part * times for part, times in parts)
    assert bz2.decompress(bzip2_compress(content, level)) == content


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab", max_size=40))
def test_few_symbols_in_any_order(text: str) -> None:
    content = text.encode()
    assert bz2.decompress(bzip2_compress(content, 1)) == content


def test_a_level_that_there_is_not() -> None:
    for level in (0, 10):
        with pytest.raises(ValueError, match=f"got level {level}, wanted 1 to 9"):
            bzip2_compress(b"", level)
