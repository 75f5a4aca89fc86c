"""What a program makes up in a run: UUIDs of new images, names of snapshots, compressed bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cases import Case

RANDOM_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
GUID = re.compile(r"(dataset_guid=)\d+")
FILE = re.compile(r'("sha1": )"[0-9a-f]{40}"(,\s*"size": )\d+(?=,\s*"compression": "(?!none))')
MOVED_SNAPSHOT = re.compile(r"@final-\d{13}\b")


def named(case: Case, text: str) -> str:
    """The text with all of it replaced by names; UUIDs that the case knows stay."""
    if case.command != "create":
        return text
    known = f"{case.setup} {case.argv} {case.stdin} {case.environment}"

    def name(match: re.Match[str]) -> str:
        return match[0] if match[0] in known else "$UUID"

    text = FILE.sub(r'\1"$SHA1"\2"$SIZE"', GUID.sub(r"\1$GUID", text))
    return MOVED_SNAPSHOT.sub("@final-$MS", RANDOM_UUID.sub(name, text))
