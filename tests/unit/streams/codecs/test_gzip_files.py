"""Gzip files as others make them: headers of any length, members of any size and number."""

from __future__ import annotations

import gzip
import random
import struct
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgadm import streams
from imgadm.streams.codecs.gzip import decode as decoder
from imgadm.streams.codecs.gzip import libdeflate
from imgadm.streams.codecs.gzip.header import LONGEST_HEADER
from tests.unit.streams.stages import Supply

from .compressions import decompress
from .test_sized_members import member as sized_member

ENGINES = [
    pytest.param({}, id="libdeflate"),
    pytest.param({"IMGADM_LIBDEFLATE": "0"}, id="ISA-L"),
    pytest.param({"IMGADM_LIBDEFLATE": "0", "IMGADM_ISAL": "0"}, id="zlib"),
]

CRC, EXTRA, NAME, COMMENT = 2, 4, 8, 16


def member(
    content: bytes,
    *,
    text: bool = False,
    extra: bytes | None = None,
    name: bytes | None = None,
    comment: bytes | None = None,
    crc: bool = False,
    level: int = 6,
) -> bytes:
    """A member with these fields (RFC 1952, section 2.3.1), written without the code under test."""
    flags = text | bool(crc) * CRC | (extra is not None) * EXTRA
    flags |= (name is not None) * NAME | (comment is not None) * COMMENT
    header = b"\x1f\x8b\x08" + bytes([flags]) + bytes(4) + b"\0\x03"
    if extra is not None:
        header += struct.pack("<H", len(extra)) + extra
    for field in (name, comment):
        if field is not None:
            header += field + b"\0"
    if crc:
        header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    body = zlib.compressobj(level, zlib.DEFLATED, -15)
    trailer = struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    return header + body.compress(content) + body.flush() + trailer


def take_engine(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


CONTENT = b"all work and no play " * 3000
FIELDS = {
    "longest extra field": {"extra": bytes(65535)},
    "longest extra field and a name": {"extra": bytes(65535), "name": b"x"},
    "name of 70 KB": {"name": b"n" * 70_000},
    "comment of 1 MB": {"comment": b"c" * 1_000_000},
    "everything": {
        "text": True,
        "extra": b"e" * 65535,
        "name": b"n" * 5000,
        "comment": b"c" * 9000,
        "crc": True,
    },
    "empty fields": {"extra": b"", "name": b"", "comment": b"", "crc": True},
}


@pytest.mark.parametrize("environ", ENGINES)
@pytest.mark.parametrize("piece", [1, 65536, 1 << 20])
@pytest.mark.parametrize("name", FIELDS)
def test_header_of_any_length(
    name: str, piece: int, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if piece == 1 and len(member(b"", **FIELDS[name])) > 10_000:  # type: ignore[arg-type]
        piece = 777
    take_engine(environ, monkeypatch)
    made = member(CONTENT, **FIELDS[name]) + member(b"tail", **FIELDS[name])  # type: ignore[arg-type]
    assert gzip.decompress(made) == CONTENT + b"tail"
    assert decompress(made, "gzip", piece)[0] == CONTENT + b"tail"


def failure(compressed: bytes, piece: int = 100_000) -> str:
    with pytest.raises(streams.DecompressionError) as caught:
        decompress(compressed, "gzip", piece)
    assert caught.value.compression == "gzip"
    return str(caught.value)


@pytest.mark.parametrize("environ", ENGINES)
@pytest.mark.parametrize("before", [b"", member(b"small") * 50], ids=["first", "after others"])
def test_header_that_is_none(
    before: bytes, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    take_engine(environ, monkeypatch)
    good = member(b"content", name=b"n", comment=b"c", extra=b"e" * 300, crc=True)
    for at in range(3, len(good) - len(member(b"content")) + 10):
        assert "gzip: the data ends in the middle" in failure(before + good[:at])
    assert "by method 9, wanted 8" in failure(before + good[:2] + b"\x09" + good[3:])
    for flag in (0x20, 0x40, 0x80):
        odd = good[:3] + bytes([good[3] | flag]) + good[4:]
        assert "unknown flags" in failure(before + odd)
    at = good.index(b"n\0c\0")
    assert "wrong checksum" in failure(before + good[:at] + b"m" + good[at + 1 :])


def test_header_without_an_end() -> None:
    header = b"\x1f\x8b\x08\x08" + bytes(6)
    assert f"longer than {LONGEST_HEADER} bytes" in failure(header + b"n" * (LONGEST_HEADER + 9999))
    assert "ends in the middle" in failure(header + b"n" * 100_000)


field = st.none() | st.binary(max_size=200).map(lambda text: text.replace(b"\0", b"0"))
small_members = st.builds(
    member,
    st.binary(max_size=300)
    | st.integers(0, 40_000).map(lambda size: random.Random(5).randbytes(size)),
    text=st.booleans(),
    extra=st.none() | st.binary(max_size=300),
    name=field,
    comment=field,
    crc=st.booleans(),
    level=st.integers(0, 9),
) | st.builds(sized_member, st.binary(max_size=300))


@pytest.mark.parametrize("environ", ENGINES)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    made=st.lists(st.lists(small_members, min_size=1, max_size=6), min_size=1, max_size=4),
    times=st.integers(1, 60),
    piece=st.sampled_from([100, 65_536, 300_000]),
    rest=st.sampled_from([b"", bytes(512), b"garbage"]),
)
def test_members_of_any_size_and_number(
    made: list[list[bytes]],
    times: int,
    piece: int,
    rest: bytes,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        take_engine(environ, patch)
        compressed = b"".join(b"".join(group) * times for group in made)
        content, report = decompress(compressed + rest, "gzip", piece)
    assert content == gzip.decompress(compressed)
    note = f"ignored {len(rest)} bytes after the end of the gzip data"
    assert report.notes == ([note] if rest else [])


@pytest.mark.parametrize("environ", ENGINES)
@pytest.mark.parametrize("at", [0, 1, 500, 999])
@pytest.mark.parametrize("damage", ["content", "length", "cut"])
def test_damage_among_small_members(
    damage: str, at: int, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    take_engine(environ, monkeypatch)
    one = member(b"some content")
    bad = {
        "content": one[:12] + bytes([one[12] ^ 255]) + one[13:],
        "length": one[:-1] + b"\x01",
        "cut": one[:-3],
    }[damage]
    rest = b"" if damage == "cut" else one * (1000 - at)
    failure(one * at + bad + rest)


def test_small_members_are_decoded_many_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done for each by itself takes a twentieth of a millisecond and more."""
    if libdeflate.load_libdeflate() is None:
        pytest.skip("libdeflate is not here")
    alone = 0
    decode_member = decoder._decode_member

    def counted(*arguments: Any) -> None:
        nonlocal alone
        alone += 1
        decode_member(*arguments)

    monkeypatch.setattr(decoder, "_decode_member", counted)
    content, _ = decompress(member(b"a") * 20_000, "gzip", 1 << 20)
    assert content == b"a" * 20_000
    assert alone == 1


@pytest.mark.parametrize("environ", ENGINES)
def test_contents_of_small_members_share_buffers(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    take_engine(environ, monkeypatch)
    sink = CountBuffers()
    streams.run(Supply([member(b"a") * 5000]), streams.decompress("gzip"), sink)
    assert (sink.size, sink.buffers) == (5000, 1)


class CountBuffers(streams.Stage):
    name = "count"
    role = "sink"

    def run(self, context: streams.Context, inlet: streams.Inlet, outlet: streams.Outlet) -> None:
        self.buffers = self.size = 0
        for buffer in inlet:
            self.buffers, self.size = self.buffers + 1, self.size + len(buffer)
            buffer.release()
