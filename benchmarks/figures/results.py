"""A run as JSON: the rows, and the machine that they were measured on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.figures.rows import Row
from imgadm import __version__
from imgadm.streams.codecs.processors import usable_processors


def describe(rows: Sequence[Row], *, size: int, rounds: int, now: datetime) -> dict[str, Any]:
    """Everything that a later run can be compared with."""
    return {
        "date": now.isoformat(timespec="seconds"),
        "version": __version__,
        "commit": _commit(),
        "machine": machine(),
        "subject_bytes": size,
        "rounds": rounds,
        "rows": [_row(row) for row in rows],
    }


def _row(row: Row) -> dict[str, Any]:
    goal = row.goal
    return {
        "key": row.key,
        "what": row.what,
        "ours": row.ours,
        "peer": row.peer,
        "peer_name": row.peer_name,
        "unit": row.unit,
        "figure": row.figure,
        "higher_is_better": row.higher_is_better,
        "spread": row.spread,
        "others": row.others,
        "must": None if goal is None else goal.must,
        "aim": None if goal is None else goal.aim,
        "verdict": row.verdict,
    }


def machine() -> dict[str, Any]:
    """What speed depends on. ``load`` is that of the last minute before the end of the run."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "processors": usable_processors(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str | None:
    found = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or None


def write(document: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")
