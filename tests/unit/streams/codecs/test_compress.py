"""Compression: what other programs and our own decoders make of it, at every size and level."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import shutil
import ssl
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgadm import streams
from imgadm.base.compressions import COMPRESSION_FORMATS
from imgadm.streams.codecs.bzip2 import encode as bzip2
from imgadm.streams.codecs.gzip import encode as gzip_encoder
from imgadm.streams.codecs.gzip import member_layout
from imgadm.streams.codecs.xz import encode as xz
from imgadm.streams.codecs.zstd import encode as zstd
from tests.unit.streams.stages import Collect, Supply, pieces

from .compressions import decompress

#: What reads each compression: a module of Python, and programs.
READERS: dict[str, tuple[Any, list[str]]] = {
    "gzip": (gzip, ["gzip -dc", "pigz -dc"]),
    "bzip2": (bz2, ["bzip2 -dc", "lbzip2 -dc"]),
    "xz": (lzma, ["xz -dc", "xz -T2 -dc"]),
    "zstd": (None, ["zstd -qdc"]),
}

#: Bytes of content that are compressed by themselves.
PIECES = {
    "gzip": member_layout.CONTENT_SIZE,
    "bzip2": bzip2.content_size(1),
    "xz": xz.BLOCK_CONTENT_SIZE,
    "zstd": zstd.FRAME_CONTENT_SIZE,
}

#: The encoders that are taken here, and those taken elsewhere.
ENGINES = [
    *[pytest.param(name, {}, id=name) for name in PIECES],
    pytest.param("gzip", {"IMGADM_ISAL": "0"}, id="gzip without ISA-L"),
    pytest.param("gzip", {"IMGADM_ISAL": "0", "IMGADM_LIBDEFLATE": "0"}, id="gzip by zlib"),
    pytest.param("xz", {"IMGADM_LIBLZMA": "0"}, id="xz by lzma"),
]

#: Text, noise, holes and runs, like a disk; 13 MB, enough for several pieces of any compression.
CONTENT = (
    b"".join(
        [
            b"all work and no play makes a dull boy\n" * 9000,
            random.Random(4).randbytes(150_000),
            bytes(600_000),
            b"".join(bytes([at % 251]) * (at % 300) for at in range(3000)),
            random.Random(5).randbytes(30_000) * 5,
        ]
    )
    * 7
)


def compress(
    content: bytes,
    name: str,
    *,
    level: int | None = None,
    threads: int | None = None,
    piece: int = 100_000,
) -> bytes:
    sink = Collect()
    stage = streams.compress(name, level=level, threads=threads)
    report = streams.run(Supply(pieces(content, piece)), stage, sink)
    assert report.facts["compression"] == name
    assert (report.stages[1].bytes_in, report.stages[1].bytes_out) == (len(content), sink.count)
    return bytes(sink.content)


def read_by_others(compressed: bytes, name: str) -> dict[str, bytes]:
    """The content according to every reader that this host has."""
    module, programs = READERS[name]
    found = {module.__name__: module.decompress(compressed)} if module is not None else {}
    for program in programs:
        argv = program.split()
        if shutil.which(argv[0]) is not None:
            run = subprocess.run(argv, input=compressed, stdout=subprocess.PIPE, check=True)
            found[program] = run.stdout
    assert found
    return found


@pytest.fixture(autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the settings that a test is parametrised with into the environment."""
    callspec = getattr(request.node, "callspec", None)
    for name, value in (callspec.params.get("environ", {}) if callspec else {}).items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("name", "environ"), ENGINES)
def test_others_read_it_and_it_is_the_same_from_any_number_of_threads(
    name: str, environ: dict[str, str]
) -> None:
    level = COMPRESSION_FORMATS[name].levels.lowest
    first = compress(CONTENT, name, level=level, threads=1)
    assert compress(CONTENT, name, level=level, threads=2, piece=1_000_003) == first
    assert compress(CONTENT, name, level=level, threads=5, piece=PIECES[name]) == first
    assert len(first) < len(CONTENT) / 2
    for reader, content in read_by_others(first, name).items():
        assert content == CONTENT, reader
    assert decompress(first, name)[0] == CONTENT


@pytest.mark.parametrize(("name", "environ"), ENGINES)
def test_no_content_makes_a_valid_file(name: str, environ: dict[str, str]) -> None:
    compressed = compress(b"", name)
    assert compressed
    assert set(read_by_others(compressed, name).values()) == {b""}
    content, report = decompress(compressed, None)
    assert (content, report.facts["compression"], report.notes) == (b"", name, [])


@pytest.mark.parametrize(("name", "environ"), ENGINES)
def test_every_level(name: str, environ: dict[str, str]) -> None:
    levels = COMPRESSION_FORMATS[name].levels
    content = CONTENT[:250_000] + CONTENT[1_000_000:1_100_000]
    sizes = []
    for level in range(levels.lowest, levels.highest + 1):
        compressed = compress(content, name, level=level)
        assert decompress(compressed, name)[0] == content
        sizes.append(len(compressed))
    assert sizes[-1] <= sizes[0]
    assert compress(content, name) == compress(content, name, level=levels.default)


@pytest.mark.parametrize("environ", [{}, {"IMGADM_ISAL": "0"}], ids=["ISA-L", "zlib"])
def test_fast_gzip_stores_what_hardly_gets_smaller(environ: dict[str, str]) -> None:
    piece = 128 * 1024
    dense = bytes(random.Random(6).choices(range(200), k=piece))
    loose = bytes(random.Random(7).choices(range(50), k=piece))
    echo = dense[-20_000:] + bytes(piece - 20_000)  # of what was stored
    content = (dense + echo + loose) * (member_layout.CONTENT_SIZE // piece)
    for level in range(1, 10):
        compressed = compress(content, "gzip", level=level)
        assert set(read_by_others(compressed, "gzip").values()) == {content}
        assert compressed.count(dense[:60_000]) == (content.count(dense) if level <= 3 else 0)
        assert compressed.count(dense[-15_000:-5_000]) == compressed.count(dense[:60_000])
        assert loose[:60_000] not in compressed


@pytest.mark.parametrize("environ", [{}, {"IMGADM_LIBDEFLATE": "0"}], ids=["libdeflate", "zlib"])
def test_gzip_is_as_small_as_that_of_gzip(environ: dict[str, str]) -> None:
    library = Path(ssl.__file__).parent
    sources = b"".join(path.read_bytes() for path in sorted(library.glob("*.py")))
    ours, others = compress(sources, "gzip"), zlib.compress(sources, 6)
    # Cutting it into members costs a little, of text most of all.
    assert len(ours) < len(others) * 1.01
    assert len(ours) < len(compress(sources, "gzip", level=3))


@pytest.mark.parametrize("readonly", [True, False])
@pytest.mark.parametrize("size", [0, 1, member_layout.CONTENT_SIZE - 1, member_layout.CONTENT_SIZE])
def test_gzip_by_libdeflate_around_the_ends_of_members(size: int, readonly: bool) -> None:
    content = (CONTENT * 2)[:size]
    given = memoryview(content if readonly else bytearray(content))
    for level in (4, 6, 9):
        member = gzip_encoder._encoder(level)(given)
        assert gzip.decompress(member) == content
        assert member_layout.size_by_header(member) == len(member)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(sorted(PIECES)),
    count=st.integers(0, 2),
    beyond=st.integers(-3, 3),
    noise=st.binary(max_size=300),
    piece=st.sampled_from([99_999, 512 * 1024, 3_000_000]),
    threads=st.integers(1, 4),
)
def test_any_size_around_the_ends_of_pieces(
    name: str, count: int, beyond: int, noise: bytes, piece: int, threads: int
) -> None:
    size = max(0, count * PIECES[name] + beyond)
    content = (noise + bytes(size))[:size]
    level = COMPRESSION_FORMATS[name].levels.lowest
    compressed = compress(content, name, level=level, threads=threads, piece=piece)
    assert decompress(compressed, name)[0] == content


def test_noise_grows_by_little() -> None:
    noise = random.Random(8).randbytes(2 * member_layout.CONTENT_SIZE)
    for name in PIECES:
        compressed = compress(noise, name, level=1)
        assert len(compressed) < len(noise) * 1.02, name
        assert decompress(compressed, name)[0] == noise
    for level in range(1, 10):
        told = member_layout.size_by_header(compress(noise, "gzip", level=level))
        assert told is not None
        assert told < member_layout.LARGEST_MEMBER


def test_none_passes_everything_on(way: str) -> None:
    sink = Collect()
    report = streams.run(Supply(pieces(CONTENT, 99_999)), streams.compress("none"), sink)
    assert sink.content == CONTENT
    assert report.facts["compression"] == "none"
    empty = Collect()
    streams.run(Supply([]), streams.compress("none"), empty)
    assert empty.saw_end
    assert not empty.content


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("rar", {}, 'unknown compression "rar", must be one of: none, gzip, bzip2, xz, zstd'),
        ("gzip", {"level": 0}, "invalid level 0 for gzip, must be 1 to 9"),
        ("bzip2", {"level": 10}, "invalid level 10 for bzip2, must be 1 to 9"),
        ("xz", {"level": -1}, "level is -1, expected a whole number of at least 0"),
        ("zstd", {"level": 20}, "invalid level 20 for zstd, must be 1 to 19"),
        ("none", {"level": 1}, "invalid level 1 for none, it has none"),
        ("gzip", {"threads": 0}, "threads is 0, expected a whole number of at least 1"),
    ],
)
def test_arguments_that_make_no_sense(name: str, arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        streams.compress(name, **arguments)


def test_memory_that_runs_out_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("imgadm.streams.codecs.bzip2.encode.encode", fail)
    with pytest.raises(streams.CompressionError, match="^bzip2: not enough memory$") as caught:
        compress(CONTENT, "bzip2")
    assert caught.value.stage == "compress"
