"""Memory stays bounded however large the stream, and whatever it expands to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.streams.large import MIB, STREAMS, UNCOMPRESSED

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("name", [name for name in STREAMS if name != "none"])
def test_what_is_decompressed(name: str) -> None:
    assert_little_memory(name)


def test_what_is_not(way: str) -> None:
    assert_little_memory("none")


@pytest.mark.parametrize("name", list(UNCOMPRESSED))
def test_what_is_compressed(name: str) -> None:
    """By two threads, as memory depends on their number."""
    code = f"from tests.unit.streams.large import compress; compress({name!r})"
    program = [sys.executable, "-c", code]
    said = subprocess.run(program, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.split()
    count, peak = map(int, said)
    _, _, total, most = UNCOMPRESSED[name]
    assert count >= 0.95 * total
    assert peak <= most
    print(f"{name}: {count / MIB:.0f} MiB through {peak / MIB:.0f} MiB")


def assert_little_memory(name: str) -> None:
    make = f"""
from tests.unit.streams.large import STREAMS
import sys
for piece in STREAMS[{name!r}]():
    sys.stdout.buffer.write(piece)
"""
    take = f"from tests.unit.streams.large import main; main({name!r}, '/dev/stdin')"
    with subprocess.Popen([sys.executable, "-c", make], cwd=ROOT, stdout=subprocess.PIPE) as maker:
        said = subprocess.run(
            [sys.executable, "-c", take],
            cwd=ROOT,
            stdin=maker.stdout,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout.split()
    count, peak, compression = int(said[0]), int(said[1]), said[2]
    assert compression == name.partition(" ")[0].strip(",")
    assert count >= 280 * MIB
    assert peak <= 160 * MIB
    print(f"{name}: {count / MIB:.0f} MiB through {peak / MIB:.0f} MiB")
