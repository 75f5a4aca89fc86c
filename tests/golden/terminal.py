"""What is on the screen of a terminal when a program has ended."""

from __future__ import annotations

import re

SUMMARY = "    $SUMMARY"
"""Stands for the line that says how long an image took, and why: all of it is measured."""

MEASURED = re.compile(
    r"    [\d.]+ [KMGT]?i?B in [\w. ]+ \([\d.]+ [KMGT]?i?B/s\), bottleneck: [\w ]+, \d+% busy"
)
TO_LINE_START = ("\r", "\x1b[1G")
ERASE_TO_END = "\x1b[0J"
CONTROL = re.compile(r"(\r|\x1b\[1G|\x1b\[0J)")


def left_on_screen(output: str) -> str:
    """The lines as they are seen: without what was drawn and then wiped or drawn over."""
    lines = [_seen(line).rstrip() for line in output.split("\n")]
    return "\n".join(SUMMARY if MEASURED.fullmatch(line) else line for line in lines)


def _seen(line: str) -> str:
    cells, column = "", 0
    for piece in CONTROL.split(line):
        if piece in TO_LINE_START:
            column = 0
        elif piece == ERASE_TO_END:
            cells = cells[:column]
        else:
            cells = cells[:column] + piece + cells[column + len(piece) :]
            column += len(piece)
    return cells
