"""The subject of the benchmarks, and a server that has it.

pytest benchmarks [--subject-size BYTES] [--benchmark-json FILE]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Last, so that it is the installed imgadm that is measured.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks.cases.shapes import Bench, clear
from benchmarks.measuring.programs import serving
from benchmarks.subjects import subject
from benchmarks.subjects.subject import Image, Subject
from imgadm.base.compressions import COMPRESSIONS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--subject-size", type=int, default=20_000_000, help="size of the stream, in bytes"
    )


@pytest.fixture(scope="session")
def made(request: pytest.FixtureRequest) -> Subject:
    return subject.prepare(request.config.getoption("--subject-size"), print)


@pytest.fixture(scope="session")
def bench(made: Subject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with serving(made.folder) as url:
        bench = Bench(made, url, tmp_path_factory.mktemp("bench") / "scratch")
        clear(bench)
        yield bench


@pytest.fixture(params=COMPRESSIONS)
def image(made: Subject, request: pytest.FixtureRequest) -> Image:
    return made.images[request.param]
