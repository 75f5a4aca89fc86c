"""Making image files: ours next to the usual programs, and what our gzip is worth to an import."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.cases import shapes
from benchmarks.cases.shapes import Bench
from benchmarks.figures import goals
from benchmarks.figures.rows import Row, ours_over_peer, peer_over_ours
from benchmarks.measuring.measure import Comparison, Plan, run_rounds, warm_up
from benchmarks.measuring.peers import compressor
from benchmarks.measuring.programs import PYTHON, TOOLS, peak_memory_of, serving
from benchmarks.subjects.subject import describe
from benchmarks.tools.pack import pack

MEBIBYTE = 1024 * 1024

SLOW = ("bzip2", "xz")
"""What takes minutes is measured on the first part of the stream: six blocks of ``xz -6``, so that
two threads have as many each.
"""
PART = 6 * 24 * MEBIBYTE

_COPY_SIZE = MEBIBYTE


def measure(
    bench: Bench, compressions: Sequence[str], plan: Plan, say: Callable[[str], None]
) -> Iterator[Row]:
    """Two lines for every compression, and one for importing what was made by ``gzip``."""
    room = bench.scratch.with_name("compression")
    room.mkdir()
    part = _first_part(bench.subject.stream, room / "part")
    for name in compressions:
        if name != "none":
            source = part if name in SLOW else bench.subject.stream
            yield from _measure_encoder(bench, name, source, plan, say)
    if "gzip" in compressions:
        yield from _measure_import(bench, room / "images", plan, say)
    shutil.rmtree(room)


def _first_part(stream: Path, part: Path) -> Path:
    left = PART
    with stream.open("rb") as reader, part.open("wb") as writer:
        while left and (piece := reader.read(min(left, _COPY_SIZE))):
            writer.write(piece)
            left -= len(piece)
    return part


def _measure_encoder(
    bench: Bench, name: str, source: Path, plan: Plan, say: Callable[[str], None]
) -> Iterator[Row]:
    say(f"compression, {name}")
    peer = compressor(name)
    if peer is not None:
        timed = warm_up(
            {
                "ours": lambda: shapes.compress_ours(bench, source, name),
                peer.name: lambda: shapes.compress_theirs(bench, source, peer),
            },
            rivals=set(),
        )
        yield peer_over_ours(
            f"compress/{name}",
            f"{name}: source into program into file ÷ compress, checksum, write",
            peer.name,
            run_rounds(timed, plan, say).compare(peer.name, "ours"),
            goals.COMPRESSION.get(name),
        )
    target = bench.scratch / "packed"
    argv = [*PYTHON, TOOLS / "pack.py", source, name, target]
    peak = peak_memory_of(argv, bench.environ) / MEBIBYTE
    shapes.clear(bench)
    yield Row(
        f"compress-memory/{name}",
        f"{name}: peak memory of compress, checksum, write",
        ours=peak,
        peer=None,
        figure=peak,
        higher_is_better=False,
        unit="MiB",
        goal=goals.COMPRESSION_MEMORY,
    )


def _measure_import(
    bench: Bench, folder: Path, plan: Plan, say: Callable[[str], None]
) -> Iterator[Row]:
    say("import of our gzip and of gzip's")
    folder.mkdir()
    file = folder / "gzip.zvol.gz"
    pack(bench.subject.stream, "gzip", file)
    made_by_us = describe(file, "gzip", bench.subject.disk.stat().st_size)
    made_by_gzip = bench.subject.images["gzip"]
    with serving(folder) as url:
        bench_of_ours = replace(bench, url=url)
        timed = warm_up(
            {
                "of ours": lambda: shapes.into_draining_process(bench_of_ours, made_by_us),
                "of gzip's": lambda: shapes.into_draining_process(bench, made_by_gzip),
                "of ours, command": lambda: shapes.import_command(bench_of_ours, made_by_us),
                "of gzip's, command": lambda: shapes.import_command(bench, made_by_gzip),
            },
            rivals=set(),
        )
        result = run_rounds(timed, plan, say)
    for key, into, suffix, goal in (
        ("import-of-ours", "into a draining process", "", goals.IMPORT_OF_OURS),
        ("import-of-ours-command", "imgadm import", ", command", None),
    ):
        yield peer_over_ours(
            f"{key}/gzip",
            f"gzip: {into}, file made by gzip ÷ made by us",
            "made by gzip",
            result.compare(f"of gzip's{suffix}", f"of ours{suffix}"),
            goal,
        )
    yield ours_over_peer(
        "gzip-size",
        "gzip: size of our file ÷ of gzip's",
        "gzip -6",
        _sizes(made_by_us.size, made_by_gzip.size),
        None,
        unit="MB",
    )


def _sizes(ours: int, theirs: int) -> Comparison:
    ratio = ours / theirs
    return Comparison(ours / 1e6, theirs / 1e6, ratio, (ratio, ratio), 0.0)
