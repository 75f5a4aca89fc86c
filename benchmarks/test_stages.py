"""Each stage of an import alone, fed from memory: pytest-benchmark's figures per stage."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import shapes
from benchmarks.shapes import Bench
from benchmarks.subject import Image
from imgadm._native import Sha1, sha1_engines


@pytest.mark.parametrize("stage", ["fetch", "checksum", "decompress"])
def test_stage_alone(benchmark: BenchmarkFixture, bench: Bench, image: Image, stage: str) -> None:
    benchmark.group = f"{stage}, {image.compression}"
    benchmark.pedantic(shapes.stages_alone(bench, image)[stage], rounds=3, warmup_rounds=1)


def test_sink_alone(benchmark: BenchmarkFixture, bench: Bench) -> None:
    image = bench.subject.images["none"]
    benchmark.pedantic(shapes.stages_alone(bench, image)["sink"], rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("durable", [False, True], ids=["unsynced", "synced"])
def test_disk_sink(benchmark: BenchmarkFixture, bench: Bench, durable: bool) -> None:
    benchmark.pedantic(
        lambda: shapes.stream_to_disk(bench, durable=durable), rounds=3, warmup_rounds=1
    )


@pytest.mark.parametrize("engine", sha1_engines())
def test_sha1(benchmark: BenchmarkFixture, engine: str) -> None:
    content = bytes(range(256)) * 65536

    def digest() -> str:
        hasher = Sha1(engine=engine)
        hasher.update(content)
        return hasher.hexdigest()

    assert benchmark(digest) == "b2c3166c5c8f4558f82d6ab565e6640d9fbf39ba"
