"""Whole imports of every compression: ours, two passes, and every pipeline of the shell.

Each shape fails if the work was not done, so this is also what keeps the shapes right.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.cases import shapes
from benchmarks.cases.shapes import Bench
from benchmarks.measuring.peers import Program, decoders
from benchmarks.measuring.shape_clock import CLOCK
from benchmarks.subjects.subject import Image
from imgadm.base.compressions import COMPRESSIONS

pytestmark = pytest.mark.benchmark(timer=CLOCK)

OURS_AND_TWO_PASSES = [
    shapes.into_draining_process,
    shapes.into_draining_process_as_program,
    shapes.import_command,
    shapes.install_command,
    shapes.two_pass,
]

PIPELINES = [
    pytest.param(compression, decoder, id=f"{compression}-{decoder.name}")
    for compression in COMPRESSIONS
    for decoder in decoders(compression)
]


@pytest.mark.parametrize("shape", OURS_AND_TWO_PASSES, ids=lambda shape: shape.__name__)
def test_import(
    benchmark: BenchmarkFixture,
    bench: Bench,
    image: Image,
    shape: Callable[[Bench, Image], float],
) -> None:
    benchmark.group = image.compression
    benchmark.pedantic(CLOCK.timing(shape), args=(bench, image), rounds=2)


@pytest.mark.parametrize(("compression", "decoder"), PIPELINES)
def test_shell_pipeline(
    benchmark: BenchmarkFixture, bench: Bench, compression: str, decoder: Program
) -> None:
    benchmark.group = compression
    image = bench.subject.images[compression]
    benchmark.pedantic(CLOCK.timing(shapes.shell_pipeline), args=(bench, image, decoder), rounds=2)
