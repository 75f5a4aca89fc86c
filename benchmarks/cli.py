"""The command line of ``scripts/bench``."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.cases import (
    compression,
    containers,
    disks,
    hashes,
    listings,
    memory,
    startup,
    transfers,
)
from benchmarks.cases.shapes import Bench, clear
from benchmarks.figures import results, table
from benchmarks.figures.rows import Row
from benchmarks.measuring.measure import Plan
from benchmarks.measuring.programs import serving
from benchmarks.subjects import subject
from imgadm.base.compressions import COMPRESSIONS

PARTS = (
    *("startup", "listings", "sha1", "transfers", "disks", "compression", "containers"),
    *("memory", "memory-large"),
)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure imports next to what else could do them, and print one table.",
    )
    parser.add_argument("--size", type=_bytes, help="size of the stream (600M; quick: 100M)")
    parser.add_argument("--rounds", type=int, help="how often each shape runs (5; quick: 3)")
    parser.add_argument(
        "--patience",
        type=float,
        default=0,
        metavar="SECONDS",
        help="repeat what other programs disturbed, for at most so long each (0)",
    )
    parser.add_argument("--quick", action="store_true", help="smaller and shorter, no 6 GB stream")
    parser.add_argument(
        "--only", choices=PARTS, action="append", metavar="PART", help=f"one of: {', '.join(PARTS)}"
    )
    parser.add_argument(
        "--compression", choices=COMPRESSIONS, action="append", help="leave out the others"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--no-fail", action="store_true", help="exit with 0 if a must is missed")
    options = parser.parse_args(arguments)
    options.size = options.size or (subject.QUICK if options.quick else subject.FULL)
    options.compression = options.compression or list(COMPRESSIONS)
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.only = options.only or [
        part for part in PARTS if not (options.quick and part == "memory-large")
    ]
    return options


def _bytes(text: str) -> int:
    """``600M``, ``6G``, or plain bytes."""
    factors = {"M": 1_000_000, "G": 1_000_000_000}
    try:
        factor = factors.get(text[-1:].upper())
        return int(text) if factor is None else int(text[:-1]) * factor
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected bytes, 600M or 6G, got {text}") from None


def main(arguments: Sequence[str]) -> int:
    """Exit status 1 if a must is missed, unless that is asked not to count."""
    options = parse(arguments)
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:4.0f} s] {text}", flush=True)

    rows = list(_measure(options, say))
    print()
    print(table.as_markdown(rows) if options.markdown else table.as_text(rows))
    document = results.describe(
        rows, size=options.size, rounds=options.rounds, now=datetime.now(UTC)
    )
    path = options.json or subject.CACHE / "results" / f"{document['date'].replace(':', '')}.json"
    results.write(document, path)
    print(f"\nwritten to {path}")
    missed = [row for row in rows if row.verdict == "MISSED"]
    for row in missed:
        print(f"missed: {row.what}")
    return 1 if missed and not options.no_fail else 0


def _measure(options: argparse.Namespace, say: Callable[[str], None]) -> Iterator[Row]:
    wanted, plan = options.only, Plan(options.rounds, options.patience)
    if "startup" in wanted:
        yield from startup.measure(say)
    if "listings" in wanted:
        yield from listings.measure(say)
    if "sha1" in wanted:
        yield from hashes.measure(say)
    if {"transfers", "disks", "compression", "memory"} & set(wanted):
        with ExitStack() as stack:
            bench = _bench(options.size, stack, say)
            images = [bench.subject.images[name] for name in options.compression]
            if "transfers" in wanted:
                yield from transfers.measure(bench, images, plan, say)
            if "disks" in wanted:
                yield from disks.measure(bench, plan, say)
            if "compression" in wanted:
                yield from compression.measure(bench, options.compression, plan, say)
            if "memory" in wanted:
                yield from memory.measure(bench, images, "subject", say)
    if "containers" in wanted:
        size = containers.QUICK_SIZE if options.quick else containers.SIZE
        yield from containers.measure(size, plan, say)
    if "memory-large" in wanted:
        with ExitStack() as stack:
            bench = _bench(subject.LARGE, stack, say)
            images = [bench.subject.images[name] for name in options.compression]
            yield from memory.measure(bench, images, "large", say)


def _bench(size: int, stack: ExitStack, say: Callable[[str], None]) -> Bench:
    made = subject.prepare(size, say)
    room = stack.enter_context(tempfile.TemporaryDirectory(prefix="run-", dir=subject.CACHE))
    bench = Bench(made, stack.enter_context(serving(made.folder)), Path(room) / "scratch")
    clear(bench)
    return bench
