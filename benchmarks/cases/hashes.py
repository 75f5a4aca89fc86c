"""SHA-1 engines next to OpenSSL's, with and without the SHA instructions of the processor."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator

from benchmarks.figures import goals
from benchmarks.figures.rows import Row, ours_over_peer
from benchmarks.measuring.measure import Rounds
from benchmarks.measuring.programs import PYTHON, TOOLS

WITHOUT_SHA_INSTRUCTIONS = ":~0x20000000"
"""Hides bit 29 of EBX of CPUID leaf 7, SHA, from OpenSSL (OPENSSL_ia32cap(3))."""

_ROUNDS = 21


def measure(say: Callable[[str], None]) -> Iterator[Row]:
    """One line for the engine that imports take on each kind of processor, and for the others."""
    for masked in (False, True):
        where = "without SHA instructions" if masked else "this processor"
        say(f"SHA-1, {where}")
        engines, result = _time_engines(masked=masked)
        for engine in engines:
            # Our own engine does not heed OpenSSL's mask.
            if masked and engine == "instructions":
                continue
            chosen = engine == engines[0]
            key = f"sha1/{engine}/{'masked' if masked else 'native'}"
            yield ours_over_peer(
                *(key, f"SHA-1, {where}: engine {engine} ÷ OpenSSL", "hashlib"),
                result.compare(engine, "hashlib"),
                goals.SHA1 if chosen else None,
                unit="ms",
            )


def _time_engines(*, masked: bool) -> tuple[list[str], Rounds]:
    mask = {"OPENSSL_ia32cap": WITHOUT_SHA_INSTRUCTIONS} if masked else {}
    found = subprocess.run(
        [*PYTHON, TOOLS / "time_sha1.py", str(_ROUNDS)],
        env={**os.environ, **mask},
        stdout=subprocess.PIPE,
        check=True,
    )
    answer = json.loads(found.stdout)
    times = answer["milliseconds"]
    # Processor time, in which others have no share.
    return answer["engines"], Rounds(times, {name: [0.0] for name in times})
