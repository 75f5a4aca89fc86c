"""An image from a registry into a directory pool, next to ``skopeo copy`` and ``umoci unpack``."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases.memory import MEBIBYTE
from benchmarks.figures import goals
from benchmarks.figures.rows import Row, ours_over_peer
from benchmarks.measuring.measure import Plan, run_rounds, warm_up
from benchmarks.measuring.programs import imgadm_command, peak_memory_of, seconds_of
from benchmarks.subjects import container_image
from benchmarks.subjects.container_image import TAG, ContainerImage
from benchmarks.subjects.subject import CACHE
from tests.stands.registry.server import Registry, missing_programs

SIZE = 500_000_000
QUICK_SIZE = 100_000_000
_PROGRAMS = ("docker-registry", "skopeo", "umoci")


@dataclass(frozen=True)
class Bench:
    """An image in a registry that runs on this machine, and room for what is made of it."""

    image: ContainerImage
    registry: Registry
    scratch: Path

    @property
    def name(self) -> str:
        return f"{self.registry.host}/bench/image:{TAG}"

    @property
    def environ(self) -> dict[str, str]:
        return {
            "IMGADM_ROOT": str(self.scratch / "state"),
            "IMGADM_POOL": str(self.scratch / "pool"),
        }

    @property
    def import_arguments(self) -> list[str]:
        return [*imgadm_command(), "import", "-q", self.name]


def measure(size: int, plan: Plan, say: Callable[[str], None]) -> Iterator[Row]:
    """How long it takes, and how much memory; nothing where a program of the others is missing."""
    if missing := missing_programs(*_PROGRAMS):
        say(f"containers: left out, this machine has no {', '.join(missing)}")
        return
    say("a container image into a directory pool")
    image = container_image.prepare(size, say)
    with (
        tempfile.TemporaryDirectory(prefix="run-", dir=CACHE) as room,
        Registry(Path(room) / "registry") as registry,
    ):
        bench = Bench(image, registry, Path(room) / "scratch")
        _push(bench)
        timed = warm_up(
            {"import": lambda: _import(bench), "others": lambda: _copy_and_unpack(bench)},
            rivals=set(),
        )
        result = run_rounds(timed, plan, say)
        what = f"{container_image.LAYERS} layers, {image.archives / 1e6:,.0f} MB of files"
        yield ours_over_peer(
            "containers",
            f"import of an image, {what} ÷ the others",
            "skopeo copy, umoci unpack",
            result.compare("import", "others"),
            goals.CONTAINERS,
        )
        peak = peak_memory_of(bench.import_arguments, bench.environ) / MEBIBYTE
        yield Row(
            "memory/containers",
            f"peak memory of imgadm import, {what}",
            ours=peak,
            peer=None,
            figure=peak,
            higher_is_better=False,
            unit="MiB",
            goal=goals.CONTAINERS_MEMORY,
        )


def _push(bench: Bench) -> None:
    source, target = f"oci:{bench.image.layout}:{TAG}", f"docker://{bench.name}"
    options = ["--dest-tls-verify=false", "--preserve-digests"]
    subprocess.run(["skopeo", "copy", "-q", *options, source, target], check=True)
    (bench.scratch / "state").mkdir(parents=True)
    sources = ["sources", "-f", "-t", "docker", "-a", bench.registry.url]
    environ = {**os.environ, **bench.environ}
    subprocess.run([*imgadm_command(), *sources], env=environ, check=True, capture_output=True)


def _import(bench: Bench) -> float:
    """``imgadm import``: every layer and the root checked, and synced to the disk."""
    pool = bench.scratch / "pool"
    shutil.rmtree(pool, ignore_errors=True)
    try:
        elapsed = seconds_of(bench.import_arguments, bench.environ)
        images = list(pool.iterdir())
        roots = [image / "root" for image in images if (image / "root").is_dir()]
        if len(images) != container_image.LAYERS or len(roots) != 1:
            raise RuntimeError(f"{len(images)} images and {len(roots)} roots were imported")
        return elapsed
    finally:
        shutil.rmtree(pool, ignore_errors=True)


def _copy_and_unpack(bench: Bench) -> float:
    """``skopeo copy`` to an OCI layout, then ``umoci unpack`` of that; not synced."""
    layout, bundle = bench.scratch / "layout", bench.scratch / "bundle"
    rootless = [] if os.geteuid() == 0 else ["--rootless"]
    try:
        source, target = f"docker://{bench.name}", f"oci:{layout}:{TAG}"
        copy = ["skopeo", "copy", "-q", "--src-tls-verify=false", source, target]
        unpack = ["umoci", "unpack", *rootless, "--image", f"{layout}:{TAG}", str(bundle)]
        return seconds_of(copy) + seconds_of(unpack)
    finally:
        shutil.rmtree(layout, ignore_errors=True)
        shutil.rmtree(bundle, ignore_errors=True)
