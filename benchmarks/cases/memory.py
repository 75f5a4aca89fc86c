"""Peak resident memory: of ``imgadm import`` in every compression, and of ``create --disk``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from benchmarks.cases import shapes
from benchmarks.cases.shapes import Bench
from benchmarks.figures import goals
from benchmarks.figures.rows import Row
from benchmarks.measuring.programs import peak_memory_of
from benchmarks.subjects.subject import Image

MEBIBYTE = 1024 * 1024


def measure(
    bench: Bench, images: Sequence[Image], label: str, say: Callable[[str], None]
) -> Iterator[Row]:
    """One line for every image and one more; ``label`` names the size of the subject in keys."""
    runs = {
        image.compression: ("import", shapes.import_arguments(bench, image)) for image in images
    }
    runs["disk"] = ("create --disk", shapes.create_arguments(bench))
    for name, (command, argv) in runs.items():
        shapes.clear(bench)
        peak = peak_memory_of(argv, bench.environ) / MEBIBYTE
        shapes.clear(bench)
        say(f"memory, {name}, {label}: {peak:.0f} MiB")
        yield Row(
            f"memory/{name}/{label}",
            f"{name}: peak memory of imgadm {command}, {bench.subject.stream_size / 1e6:,.0f} MB",
            ours=peak,
            peer=None,
            figure=peak,
            higher_is_better=False,
            unit="MiB",
            goal=goals.MEMORY,
        )
