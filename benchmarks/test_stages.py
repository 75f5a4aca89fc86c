"""Each stage of an import alone, fed from memory: pytest-benchmark's figures per stage."""

from __future__ import annotations

from functools import partial

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.cases import shapes
from benchmarks.cases.shapes import Bench
from benchmarks.measuring.shape_clock import CLOCK
from benchmarks.subjects.subject import Image
from imgadm._native import Sha1, sha1_engines

by_shape_clock = pytest.mark.benchmark(timer=CLOCK)


@by_shape_clock
@pytest.mark.parametrize("stage", ["fetch", "checksum", "decompress"])
def test_stage_alone(benchmark: BenchmarkFixture, bench: Bench, image: Image, stage: str) -> None:
    benchmark.group = f"{stage}, {image.compression}"
    shape = shapes.stages_alone(bench, image)[stage]
    benchmark.pedantic(CLOCK.timing(shape), rounds=3, warmup_rounds=1)


@by_shape_clock
def test_sink_alone(benchmark: BenchmarkFixture, bench: Bench) -> None:
    image = bench.subject.images["none"]
    shape = shapes.stages_alone(bench, image)["sink"]
    benchmark.pedantic(CLOCK.timing(shape), rounds=3, warmup_rounds=1)


@by_shape_clock
@pytest.mark.parametrize("durable", [False, True], ids=["unsynced", "synced"])
def test_disk_sink(benchmark: BenchmarkFixture, bench: Bench, durable: bool) -> None:
    shape = partial(shapes.stream_to_disk, bench, durable=durable)
    benchmark.pedantic(CLOCK.timing(shape), rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("engine", sha1_engines())
def test_sha1(benchmark: BenchmarkFixture, engine: str) -> None:
    content = bytes(range(256)) * 65536

    def digest() -> str:
        hasher = Sha1(engine=engine)
        hasher.update(content)
        return hasher.hexdigest()

    assert benchmark(digest) == "b2c3166c5c8f4558f82d6ab565e6640d9fbf39ba"
