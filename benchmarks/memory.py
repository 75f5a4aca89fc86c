"""Peak resident memory of ``imgadm import`` into a directory pool, in every compression."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from benchmarks import goals, shapes
from benchmarks.programs import peak_memory_of
from benchmarks.rows import Row
from benchmarks.shapes import Bench
from benchmarks.subject import Image

MEBIBYTE = 1024 * 1024


def measure(
    bench: Bench, images: Sequence[Image], label: str, say: Callable[[str], None]
) -> Iterator[Row]:
    """One line for every image; ``label`` names the size of the subject in their keys."""
    for image in images:
        name = image.compression
        shapes.clear(bench)
        peak = peak_memory_of(shapes.import_arguments(bench, image), bench.environ) / MEBIBYTE
        shapes.clear(bench)
        say(f"memory, {name}, {label}: {peak:.0f} MiB")
        yield Row(
            f"memory/{name}/{label}",
            f"{name}: peak memory of imgadm import, {bench.subject.stream_size / 1e6:,.0f} MB",
            ours=peak,
            peer=None,
            figure=peak,
            higher_is_better=False,
            unit="MiB",
            goal=goals.MEMORY,
        )
