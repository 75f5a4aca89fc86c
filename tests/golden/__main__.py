"""``python -m tests.golden CASE…``: replays cases and prints how ours differs.

A CASE may end early: ``import/`` are all cases of that command.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from . import cases
from .replay import replay
from .sources.server import Sources


def main(prefixes: list[str]) -> int:
    chosen = [case for case in cases.load() if case.name.startswith(tuple(prefixes))]
    if not prefixes or not chosen:
        sys.exit(f"{__doc__}\nno case begins with {prefixes}")
    failed = 0
    with Sources() as sources:
        for case in chosen:
            with TemporaryDirectory() as directory:
                lines = replay(case, Path(directory), sources)
            failed += bool(lines)
            print("DIFFERS" if lines else "same   ", case.name, *case.argv)
            print("".join(f"    {line}\n" for line in lines), end="")
    print(f"{len(chosen) - failed} of {len(chosen)} as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
