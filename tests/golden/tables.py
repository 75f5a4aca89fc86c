"""Recorded tables with the columns that ours have by default."""

from __future__ import annotations

import json
import re
from typing import Any

from . import fixtures
from .cases import Case

RECORDED = ["UUID", "NAME", "VERSION", "OS", "TYPE", "PUB"]
OURS = ["UUID", "NAME", "VERSION", "OS", "PUBLISHED"]
GAP = re.compile(r" {2,}")


def with_our_columns(table: str, case: Case) -> str:
    """The table without TYPE, and with the whole time of publication for its date.

    Raises AssertionError for a table that has not the recorded default columns.
    """
    published = _publication_times(case)
    rows = [GAP.split(line) for line in table.splitlines()]
    if rows[0] == RECORDED:
        header, rows = [OURS], rows[1:]
    else:
        header = []
    for row in rows:
        if len(row) != len(RECORDED):
            raise AssertionError(f"not a row of {RECORDED}: {row}")
    cells = [[*row[:4], published.get(row[0], "-") if row[5] != "-" else "-"] for row in rows]
    return _format(header + cells)


def _publication_times(case: Case) -> dict[str, str]:
    manifests: list[dict[str, Any]] = [image.manifest for image in fixtures.images().values()]
    for step in case.setup:
        if "write_file" in step and step["write_file"].startswith("/var/imgadm/images/"):
            manifests.append(json.loads(step["content"])["manifest"])
    return {
        manifest["uuid"]: re.sub(r"\.\d+Z$", "Z", manifest["published_at"])
        for manifest in manifests
        if "published_at" in manifest
    }


def _format(rows: list[list[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "".join(line + "\n" for line in lines)
