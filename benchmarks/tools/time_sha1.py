"""A program: times every SHA-1 engine and hashlib in rounds, and prints milliseconds as JSON.

It is processor time that counts: one thread computes and waits for nothing, so what else runs on
the machine has no part in it.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import time

from imgadm._native import Sha1, sha1_engines

_SIZE = 64 * 1024 * 1024
_PIECE = 512 * 1024


def milliseconds(hasher, content: memoryview) -> float:
    """Hash ``content`` in pieces as large as those that stages hand over."""
    started = time.process_time()
    for offset in range(0, _SIZE, _PIECE):
        hasher.update(content[offset : offset + _PIECE])
    return (time.process_time() - started) * 1000


if __name__ == "__main__":
    content = memoryview(random.Random(1).randbytes(_SIZE))
    engines = sha1_engines()
    hashers = {engine: lambda engine=engine: Sha1(engine=engine) for engine in engines}
    hashers["hashlib"] = lambda: hashlib.sha1(usedforsecurity=False)
    times = {name: [] for name in hashers}
    for turn in range(int(sys.argv[1])):
        names = list(hashers)[turn % len(hashers) :] + list(hashers)[: turn % len(hashers)]
        for name in names:
            times[name].append(milliseconds(hashers[name](), content))
    print(json.dumps({"engines": engines, "milliseconds": times}))
