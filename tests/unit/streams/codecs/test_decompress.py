"""Decompression: every form of every compression, whole, in pieces, joined, damaged and cut."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgadm import streams
from imgadm.base.compressions import recognise_compression
from tests.unit.streams.stages import Collect, Supply, pieces

from .compressions import FORMS, decompress, engines, every_engine, every_form

Make = Callable[[bytes], bytes]

#: Text, noise and holes, like a disk.
CONTENT = b"".join(
    [
        b"all work and no play makes a dull boy\n" * 9000,
        random.Random(4).randbytes(300_000),
        bytes(800_000),
        random.Random(5).randbytes(30_000) * 5,
    ]
)


@pytest.fixture(autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the settings that a test is parametrised with into the environment."""
    callspec = getattr(request.node, "callspec", None)
    for name, value in (callspec.params.get("engine_settings", {}) if callspec else {}).items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("engine_settings", "compression", "make"), every_form())
@pytest.mark.parametrize("named", [True, False], ids=["named", "told"])
def test_the_content_comes_back(
    engine_settings: dict[str, str], compression: str, make: Make, named: bool
) -> None:
    content, report = decompress(make(CONTENT), compression if named else None)
    assert content == CONTENT
    assert report.facts["compression"] == compression
    assert report.notes == []


@pytest.mark.parametrize(("engine_settings", "compression", "make"), every_form()[:-1])
def test_no_content_is_content(
    engine_settings: dict[str, str], compression: str, make: Make
) -> None:
    assert decompress(make(b""), compression)[0] == b""


@pytest.mark.parametrize(("engine_settings", "compression", "make"), every_form())
def test_bytes_that_come_one_by_one(
    engine_settings: dict[str, str], compression: str, make: Make
) -> None:
    content = CONTENT[:3000]
    assert decompress(make(content), compression, piece=1)[0] == content
    assert decompress(make(content), None, piece=1)[0] == content


def test_uncompressed_bytes_go_either_way(way: str) -> None:
    for piece in (1, 2, 100_000):
        content = CONTENT[:3000] if piece < 3 else CONTENT
        assert decompress(content, "none", piece)[0] == content


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    form=st.sampled_from(sorted(FORMS)),
    parts=st.lists(
        st.one_of(
            st.binary(max_size=3000),
            st.integers(0, 2_000_000).map(bytes),
            st.integers(1, 400_000).map(lambda size: CONTENT[-size:]),
        ),
        min_size=1,
        max_size=4,
    ),
    piece=st.sampled_from([5, 6, 7, 18, 333, 8191, 65_536, 1_000_000]),
    which=st.integers(0, 1),
)
def test_any_content_in_any_pieces(form: str, parts: list[bytes], piece: int, which: int) -> None:
    compression, make = FORMS[form]
    choices = engines(compression)
    content = b"".join(parts)
    compressed = b"".join(map(make, parts))
    if not compressed or (compression == "none" and recognise_compression(content) != "none"):
        return
    if len(compressed) // piece > 20_000:
        piece = 65_536
    with pytest.MonkeyPatch.context() as environment:
        for name, value in choices[which % len(choices)].items():
            environment.setenv(name, value)
        assert decompress(compressed, compression, piece)[0] == content


PARTS = [CONTENT[:100_000], b"", CONTENT[100_000:100_001], CONTENT[-500_000:]]


@pytest.mark.parametrize(("engine_settings", "compression", "make"), every_form())
def test_files_put_one_after_the_other(
    engine_settings: dict[str, str], compression: str, make: Make
) -> None:
    for piece in (4096, 10_000_000):
        joined = b"".join(map(make, PARTS))
        assert decompress(joined, compression, piece)[0] == b"".join(PARTS)
    tiny = [part[-1000:] for part in PARTS]
    for piece in (1, 13):
        joined = b"".join(map(make, tiny))
        assert decompress(joined, compression, piece)[0] == b"".join(tiny)


@pytest.mark.parametrize("liblzma", ["1", "0"])
@pytest.mark.parametrize("padding", [4, 8, 4096])
def test_xz_streams_may_be_padded(
    liblzma: str, padding: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGADM_LIBLZMA", liblzma)
    padded = b"".join(lzma.compress(part) + bytes(padding) for part in PARTS)
    for piece in (113, 100_000):
        assert decompress(padded, "xz", piece)[0] == b"".join(PARTS)


def skippable(content: bytes) -> bytes:
    """A frame that decoders pass over (RFC 8878, section 3.1.2)."""
    return (0x184D2A53).to_bytes(4, "little") + len(content).to_bytes(4, "little") + content


def test_zstd_frames_to_be_skipped() -> None:
    zstd = zstandard.ZstdCompressor().compress
    joined = zstd(PARTS[0]) + skippable(b"") + zstd(b"") + skippable(bytes(99_999)) + zstd(PARTS[3])
    for piece in (1000, 100_000, 10_000_000):
        content = decompress(joined + skippable(b"end"), "zstd", piece)[0]
        assert content == PARTS[0] + PARTS[3]


def test_zstd_that_begins_with_a_frame_to_be_skipped() -> None:
    """As pzstd writes it."""
    content, report = decompress(
        skippable(b"size") + zstandard.ZstdCompressor().compress(PARTS[0]), None
    )
    assert (content, report.facts["compression"]) == (PARTS[0], "zstd")


def test_zstd_with_a_table_of_contents() -> None:
    """``zstd:chunked``: a frame for each file, and what leads to them in frames to be skipped."""
    frames = [zstandard.ZstdCompressor().compress(part) for part in [*PARTS, bytes(1024)]]
    tail = skippable(frames[0]) + skippable(frames[1]) + skippable(b"GNUlInUx".rjust(64, b"\x01"))
    assert decompress(b"".join(frames) + tail, None)[0] == b"".join(PARTS) + bytes(1024)


@pytest.mark.parametrize("isal", ["1", "0"])
@pytest.mark.parametrize("piece", [1, 100_000])
def test_gzip_with_a_table_of_contents(
    isal: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """eStargz: a member for each file, the last one empty, with an offset in its extra field."""
    monkeypatch.setenv("IMGADM_ISAL", isal)
    members = [gzip.compress(part[:30_000]) for part in [*PARTS, bytes(1024)]]
    extra = b"SG" + (22).to_bytes(2, "little") + b"%016xSTARGZ" % sum(map(len, members))
    footer = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff" + len(extra).to_bytes(2, "little") + extra
    footer += b"\x01\x00\x00\xff\xff" + bytes(8)
    assert len(footer) == 51
    content, report = decompress(b"".join(members) + footer, None, piece)
    assert content == b"".join(part[:30_000] for part in PARTS) + bytes(1024)
    assert report.notes == []


def trailing(compressed: bytes, compression: str, garbage: bytes) -> list[str]:
    content, report = decompress(compressed + garbage, compression)
    assert content == CONTENT
    return report.notes


GARBAGE = [b"\0", bytes(1000), b"x", b"\x1f", b"garbage" * 100_000]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda garbage: f"{len(garbage)} bytes")
@pytest.mark.parametrize("isal", ["1", "0"])
def test_gzip_and_bzip2_ignore_what_follows(
    garbage: bytes, isal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGADM_ISAL", isal)
    for compression, make in (("gzip", gzip.compress), ("bzip2", bz2.compress)):
        note = f"ignored {len(garbage)} bytes after the end of the {compression} data"
        assert trailing(make(CONTENT), compression, garbage) == [note]


@pytest.mark.parametrize(
    "garbage", [*GARBAGE, b"\0\0\0", bytes(6)], ids=lambda it: f"{len(it)} bytes"
)
@pytest.mark.parametrize(
    ("engine_settings", "compression", "make"),
    [it for it in every_engine() if it.values[1] in ("xz", "zstd")],  # type: ignore[attr-defined]
)
def test_xz_and_zstd_refuse_what_follows(
    engine_settings: dict[str, str], compression: str, make: Make, garbage: bytes
) -> None:
    if compression == "xz" and len(garbage) % 4 == 0 and not any(garbage):
        garbage += b"\0"  # else it is padding
    with pytest.raises(streams.DecompressionError, match=f"^{compression}: "):
        decompress(make(CONTENT) + garbage, compression)


@pytest.mark.parametrize(("engine_settings", "compression", "make"), every_engine())
def test_a_file_cut_short_anywhere_is_an_error(
    engine_settings: dict[str, str], compression: str, make: Make
) -> None:
    small = make(CONTENT[:2000])
    for length in range(6, len(small)):
        with pytest.raises(streams.DecompressionError) as caught:
            decompress(small[:length], compression)
        assert caught.value.stage == "decompress"
        assert caught.value.offset == length
    large = make(CONTENT)
    for length in random.Random(6).sample(range(6, len(large)), 20):
        with pytest.raises(streams.DecompressionError):
            decompress(large[:length], compression)


@pytest.mark.parametrize(("engine_settings", "compression", "make"), every_engine())
def test_one_flipped_bit_is_an_error(
    engine_settings: dict[str, str], compression: str, make: Make
) -> None:
    content = CONTENT[300_000:400_000]
    compressed = make(content)
    begin = 10  # what comes earlier may be a time, a level, a flag that means nothing
    for position in random.Random(7).sample(range(begin * 8, len(compressed) * 8), 150):
        flipped = bytearray(compressed)
        flipped[position // 8] ^= 1 << position % 8
        try:
            got, _ = decompress(bytes(flipped), compression)
        except streams.DecompressionError:
            continue
        assert got == content, f"bit {position}"


@pytest.mark.parametrize("isal", ["1", "0"])
@pytest.mark.parametrize("from_end", range(1, 9))
def test_the_crc_and_the_length_of_gzip_are_checked(
    isal: str, from_end: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGADM_ISAL", isal)
    damaged = bytearray(gzip.compress(CONTENT))
    damaged[-from_end] ^= 1
    with pytest.raises(streams.DecompressionError, match=r"^gzip: "):
        decompress(bytes(damaged), "gzip")


@pytest.mark.parametrize("is_", sorted({compression for compression, _ in FORMS.values()}))
@pytest.mark.parametrize("named", sorted({compression for compression, _ in FORMS.values()}))
def test_the_wrong_compression_named(way: str, named: str, is_: str) -> None:
    if named == is_:
        return
    sink = Collect()
    with pytest.raises(streams.DecompressionError) as caught:
        streams.run(Supply(pieces(FORMS[is_][1](CONTENT), 4)), streams.decompress(named), sink)
    assert (caught.value.got, caught.value.wanted, caught.value.offset) == (is_, named, 0)
    wanted = "uncompressed data" if named == "none" else f"{named} data"
    got = "data in no known compression" if is_ == "none" else f"{is_} data"
    assert str(caught.value) == f"{named}: expected {wanted}, got {got}"
    assert not sink.saw_end


@pytest.mark.parametrize("named", [None, "none", "gzip", "bzip2", "xz", "zstd"])
def test_an_empty_file_is_an_error(way: str, named: str | None) -> None:
    with pytest.raises(streams.DecompressionError, match="the file is empty"):
        decompress(b"", named)


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(ValueError, match='unknown compression "rar", must be one of: none, gzip'):
        streams.decompress("rar")


def test_zstd_windows_are_limited() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=28, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    compressed = compressor.compress(CONTENT) + compressor.flush()
    with pytest.raises(streams.DecompressionError, match="too much memory"):
        decompress(compressed, "zstd")


@pytest.mark.parametrize("liblzma", ["1", "0"])
def test_xz_memory_is_limited(liblzma: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGADM_LIBLZMA", liblzma)
    # The dictionary size of the first block's header, raised to 4 GiB - 1 (xz format, 5.3.1).
    compressed = bytearray(lzma.compress(CONTENT[:1000], check=lzma.CHECK_NONE))
    header_size = (compressed[12] + 1) * 4
    at = 12 + compressed[12:].index(b"\x21\x01") + 2
    compressed[at] = 40
    import zlib

    crc_at = 12 + header_size - 4
    compressed[crc_at : crc_at + 4] = zlib.crc32(compressed[12:crc_at]).to_bytes(4, "little")
    with pytest.raises(streams.DecompressionError, match=r"[Mm]emory"):
        decompress(bytes(compressed), "xz")


@pytest.mark.parametrize(("compression", "make"), [FORMS[form] for form in sorted(FORMS)])
def test_the_compression_of_a_file_is_told(compression: str, make: Make, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(make(b"content"))
    assert streams.compression_of(path) == compression
    path.write_bytes(b"")
    assert streams.compression_of(path) == "none"
