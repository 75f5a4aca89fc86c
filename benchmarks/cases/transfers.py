"""Imports over HTTP: ours next to each stage alone, two passes, and the best of the shell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from benchmarks.cases import shapes
from benchmarks.cases.shapes import Bench
from benchmarks.figures import goals
from benchmarks.figures.rows import Row, ours_over_peer, peer_over_ours
from benchmarks.measuring.measure import Plan, Timed, run_rounds, warm_up
from benchmarks.measuring.peers import decoders
from benchmarks.subjects.subject import Image

_DRAIN, _PROGRAM, _IMPORT, _TWO_PASS = "drain", "program", "import", "two-pass"


def measure(
    bench: Bench, images: Sequence[Image], plan: Plan, say: Callable[[str], None]
) -> Iterator[Row]:
    """Five lines for every image."""
    for image in images:
        say(f"import, {image.compression}")
        yield from _measure_image(bench, image, plan, say)


def _measure_image(
    bench: Bench, image: Image, plan: Plan, say: Callable[[str], None]
) -> Iterator[Row]:
    alone = {f"alone: {name}": run for name, run in shapes.stages_alone(bench, image).items()}
    shell: dict[str, Timed] = {
        decoder.name: partial(shapes.shell_pipeline, bench, image, decoder)
        for decoder in decoders(image.compression)
    }
    timed = warm_up(
        {
            _DRAIN: lambda: shapes.into_draining_process(bench, image),
            **alone,
            **shell,
            _PROGRAM: lambda: shapes.into_draining_process_as_program(bench, image),
            _IMPORT: lambda: shapes.import_command(bench, image),
            _TWO_PASS: lambda: shapes.two_pass(bench, image),
        },
        rivals=set(shell),
    )
    result = run_rounds(timed, plan, say)
    best = result.fastest([name for name in shell if name in timed])
    slowest = result.slowest(list(alone))
    name = image.compression
    yield ours_over_peer(
        f"slowest-stage/{name}",
        f"{name}: into a draining process ÷ its slowest stage alone",
        slowest,
        result.compare(_DRAIN, slowest),
        goals.SLOWEST_STAGE.get(name),
    )
    for key, ours, goal in (
        ("two-pass", _DRAIN, goals.TWO_PASS.get(name)),
        ("two-pass-import", _IMPORT, None),
    ):
        into = "into a draining process" if ours == _DRAIN else "imgadm import"
        yield peer_over_ours(
            f"{key}/{name}",
            f"{name}: two passes ÷ {into}",
            "download, then decode",
            result.compare(_TWO_PASS, ours),
            goal,
        )
    for key, ours, goal in (
        ("shell", _DRAIN, goals.SHELL[name]),
        ("shell-program", _PROGRAM, None),
    ):
        start = "" if ours == _DRAIN else ", start of Python included"
        yield peer_over_ours(
            f"{key}/{name}",
            f"{name}: best shell pipeline ÷ into a draining process{start}",
            best,
            result.compare(best, ours),
            goal,
        )
