"""Gzip members that tell their size: decoded in parallel, and never taken at their word."""

from __future__ import annotations

import gzip
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgadm import streams
from imgadm.streams.codecs.gzip import libdeflate
from imgadm.streams.codecs.gzip.member_layout import CONTENT_SIZE, HEADER_SIZE, LARGEST_MEMBER

from .compressions import decompress


def member(content: bytes, *, told: int | None = None) -> bytes:
    """A member as the format has it (RFC 1952), written without the code under test."""
    encoder = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = encoder.compress(content) + encoder.flush()
    size = 20 + len(body) + 8
    header = b"\x1f\x8b\x08\x04" + bytes(4) + b"\0\x03" + b"\x08\0im\x04\0"
    size_field = struct.pack("<I", size if told is None else told)
    return header + size_field + body + struct.pack("<II", zlib.crc32(content), len(content))


#: Short contents that compress more or less.
CONTENTS = [
    random.Random(at).randbytes(at * 37 % 400) + b"all work and no play" * (at % 7)
    for at in range(24)
]
MEMBERS = [member(content) for content in CONTENTS]


@pytest.fixture
def processors(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how many there are to decode on."""

    def pretend(count: int) -> None:
        monkeypatch.setattr("imgadm.streams.codecs.gzip.decode.usable_processors", lambda: count)

    return pretend


#: What they are decoded by here, and elsewhere.
ENGINES = [
    pytest.param({}, id="libdeflate"),
    pytest.param({"IMGADM_LIBDEFLATE": "0"}, id="ISA-L"),
    pytest.param({"IMGADM_LIBDEFLATE": "0", "IMGADM_ISAL": "0"}, id="zlib"),
]


def take_engine(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


def outcome(compressed: bytes, piece: int = 100_000) -> tuple[Any, ...]:
    """What decoding comes to: content and notes, or the error."""
    try:
        content, report = decompress(compressed, "gzip", piece)
    except streams.DecompressionError as error:
        return str(error), error.stage
    return content, report.notes


@pytest.mark.parametrize("environ", ENGINES)
@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_they_are_decoded_as_a_whole(
    environ: dict[str, str],
    piece: int,
    processors: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take_engine(environ, monkeypatch)
    monkeypatch.setattr("imgadm.streams.codecs.gzip.decode._decode_member", None)
    processors(3)
    content, report = decompress(b"".join(MEMBERS), "gzip", piece)
    assert content == b"".join(CONTENTS)
    assert report.notes == []
    largest = [bytes(CONTENT_SIZE), random.Random(1).randbytes(CONTENT_SIZE)] * 9
    assert decompress(b"".join(map(member, largest)), "gzip")[0] == b"".join(largest)


def test_the_library_of_the_host(
    processors: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    library = libdeflate._bound("libdeflate.so.0")
    if library is None:
        pytest.skip("this host has no libdeflate")
    monkeypatch.setattr("imgadm.streams.codecs.gzip.libdeflate._loaded", lambda: library)
    monkeypatch.setattr("imgadm.streams.codecs.gzip.decode._decode_member", None)
    processors(2)
    assert decompress(b"".join(MEMBERS), "gzip")[0] == b"".join(CONTENTS)


def test_one_processor_decodes_them_one_after_the_other(
    processors: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgadm.streams.codecs.gzip.decode.decode_sized_members", None)
    processors(1)
    assert decompress(b"".join(MEMBERS), "gzip")[0] == b"".join(CONTENTS)


def flipped(compressed: bytes, bit: int) -> bytes:
    damaged = bytearray(compressed)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


TOO_LARGE = member(bytes(CONTENT_SIZE + 1))

#: What a file may have among its members, that is not as we write it.
ODDITIES = {
    "a plain member": gzip.compress(b"plain", mtime=0),
    "a size that is too small": member(b"some content", told=30),
    "a size of nothing": member(b"some content", told=0),
    "a size that is too large": member(b"some content", told=len(member(b"some content")) + 1),
    "a size of several members": member(b"some content", told=LARGEST_MEMBER),
    "a size beyond all bounds": member(b"some content", told=0xFFFF_FFFF),
    "a size of two members that are alike": member(b"twins", told=2 * len(member(b"twins")))
    + member(b"twins"),
    "more content than ours have": TOO_LARGE,
    "an extra field of somebody else": gzip.compress(b"x", mtime=0)[:3]
    + b"\x04"
    + bytes(6)
    + b"\x05\0im\x01\0?"
    + gzip.compress(b"x", mtime=0)[10:],
    "something after the end": b"and so on" * 99,
    "nothing compressed": member(b""),
}


@pytest.mark.parametrize("environ", ENGINES)
@pytest.mark.parametrize("oddity", ODDITIES)
@pytest.mark.parametrize("where", [0, 1, 11, 24])
def test_what_is_not_as_we_write_it_is_decoded_all_the_same(
    environ: dict[str, str],
    oddity: str,
    where: int,
    processors: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    take_engine(environ, monkeypatch)
    odd = ODDITIES[oddity]
    compressed = b"".join([*MEMBERS[:where], odd, *MEMBERS[where:]])
    if where == 0 and odd[:2] != b"\x1f\x8b":
        return
    for piece in (13, 100_000):
        processors(1)
        wanted = outcome(compressed, piece)
        assert wanted[0].startswith(b"".join(CONTENTS[:where]))
        processors(4)
        assert outcome(compressed, piece) == wanted


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    cut=st.one_of(st.none(), st.integers(3, 4000)),
    bits=st.lists(st.integers(16, 50_000), max_size=2),
    piece=st.sampled_from([3, 64, 1000, 100_000]),
    engine=st.sampled_from(ENGINES),
)
def test_damage_is_told_as_it_is_of_any_other_file(
    cut: int | None, bits: list[int], piece: int, engine: Any
) -> None:
    compressed = b"".join(MEMBERS)[:cut]
    for bit in bits:
        compressed = flipped(compressed, 16 + bit % (len(compressed) * 8 - 16))
    outcomes = []
    for count in (1, 3):
        with pytest.MonkeyPatch.context() as patch:
            take_engine(*engine.values, patch)
            patch.setattr("imgadm.streams.codecs.gzip.decode.usable_processors", lambda: count)  # noqa: B023
            outcomes.append(outcome(compressed, piece))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("from_end", range(1, 9))
def test_crc_and_length_of_every_member_are_checked(
    from_end: int, processors: Callable[[int], None]
) -> None:
    damaged = flipped(MEMBERS[5], (len(MEMBERS[5]) - from_end) * 8)
    processors(4)
    with pytest.raises(streams.DecompressionError, match=r"^gzip: ") as caught:
        decompress(b"".join([*MEMBERS[:5], damaged, *MEMBERS[6:]]), "gzip")
    before = sum(map(len, MEMBERS[:5]))
    assert before + HEADER_SIZE < caught.value.offset
