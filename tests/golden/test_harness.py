"""The harness itself: emulated programs and sources answer as recorded, differences are seen."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import cases
from . import run as run_module
from .host import STEPS
from .outcome import differences
from .replay import comparable
from .run import run
from .sources.misbehaviour import BEHAVIOURS
from .sources.server import Sources
from .terminal import left_on_screen

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sources() -> Iterator[Sources]:
    with Sources() as running:
        yield running


@pytest.fixture(scope="module")
def urls(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("oracle") / "urls.json"
    path.write_text(json.dumps({name: sources.url(name) for name in BEHAVIOURS}))
    return path


def demands(case: cases.Case) -> frozenset[str]:
    """What a case needs of the harness: programs, sources, setup steps, a terminal, an editor."""
    calls = {" ".join(map(str, [*call["cmd"][:2], call["exit"]])) for call in case.calls}
    sources = {request["source"] for request in case.http}
    steps = {kind for step in case.setup for kind in STEPS if kind in step}
    needs = calls | sources | steps | {f"exit {case.recorded.exit}", f"edit {case.keystrokes}"}
    return frozenset(needs | {f"terminal {case.tty}"})


def demanding_cases() -> list[cases.Case]:
    """Cases that together need all that any case needs, each something that none before it did."""
    met: set[str] = set()
    chosen = []
    for case in cases.load():
        if not demands(case) <= met:
            met |= demands(case)
            chosen.append(case)
    return chosen


@pytest.mark.parametrize("case", demanding_cases(), ids=lambda case: case.name)
def test_emulated_programs_and_sources_answer_as_recorded(
    case: cases.Case, tmp_path: Path, sources: Sources, urls: Path
) -> None:
    oracle = (sys.executable, "-m", "tests.golden.oracle", case.name, str(urls))
    got = run(case, tmp_path, sources, oracle)
    found = differences(comparable(case.recorded), comparable(got))
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def test_every_part_of_an_outcome_that_is_not_as_recorded_is_seen(
    tmp_path: Path, sources: Sources
) -> None:
    case = cases.find("import/P-unknown-pool")
    got = run(case, tmp_path, sources, (sys.executable, "-c", "pass"))
    found = differences(comparable(case.recorded), comparable(got))
    parts = {line[1:].split(":")[0] for line in found if line.startswith(("-", "+"))}
    assert parts >= {"exit 1", "exit 0", "stdout", "stderr", "var_imgadm added", "request"}


def test_a_program_that_does_not_end_is_ended(
    tmp_path: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "TIME_LIMIT", 0.3)
    sleeper = (sys.executable, "-c", "import time; time.sleep(60)")
    for name in ("list/empty", "install/tty"):
        got = run(cases.find(name), tmp_path / name, sources, sleeper)
        assert got.exit == run_module.TIME_IS_UP


@pytest.mark.parametrize(
    ("output", "seen"),
    [
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("50% ###\r       \rdone\r\n", "done\n"),
        ("50% ###\rdone\r\n", "done###\n"),
        ("50% ###\x1b[1G\x1b[0J \x1b[1Gdone\r\n", "done\n"),
        ("    1.5 KiB in 1 min 2 s (9 B/s), bottleneck: fetch, 9% busy\r\n", "    $SUMMARY\n"),
        ("    1.5 KiB in 1.2 s\r\n", "    1.5 KiB in 1.2 s\n"),
    ],
)
def test_what_is_left_on_a_terminal(output: str, seen: str) -> None:
    assert left_on_screen(output) == seen


def test_urls_are_as_long_as_the_recorded_ones(sources: Sources) -> None:
    assert {len(sources.url(name)) for name in BEHAVIOURS} == {21}
