"""Every recorded run, replayed: ours does the same, or differs as rules and differences say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from . import cases
from .replay import replay
from .sources.server import Sources


@pytest.fixture(scope="module")
def sources() -> Iterator[Sources]:
    with Sources() as running:
        yield running


@pytest.mark.parametrize("case", cases.load(), ids=lambda case: case.name)
def test_replay(case: cases.Case, tmp_path: Path, sources: Sources) -> None:
    found = replay(case, tmp_path, sources)
    if found:
        pytest.fail("\n".join(found), pytrace=False)
