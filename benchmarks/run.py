"""The program behind ``scripts/bench``: measures, compares (``history``), or draws (``plot``)."""

import sys
from pathlib import Path

# Last, so that it is the installed imgadm that is measured.
sys.path.append(str(Path(__file__).resolve().parent.parent))

if __name__ == "__main__":
    if sys.argv[1:2] == ["history"]:
        from benchmarks.figures.history import main

        sys.exit(main(sys.argv[2:]))
    if sys.argv[1:2] == ["plot"]:
        from benchmarks.figures.plot import main

        sys.exit(main(sys.argv[2:]))
    from benchmarks.cli import main

    sys.exit(main(sys.argv[1:]))
