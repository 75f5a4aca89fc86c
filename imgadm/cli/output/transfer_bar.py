"""The progress bar of one image, laid out for the width of the terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

from tqdm import tqdm
from tqdm.utils import disp_len, disp_trim

from imgadm.base.text import printable
from imgadm.cli.output.sizes import human_size
from imgadm.cli.output.terminal import write_control

_WIDE, _MEDIUM = 60, 34
_SHOWN_OF_NAME = 256
"""The most characters of a name: tqdm trims a name character by character at each redrawing."""


class TransferBar(tqdm):  # type: ignore[type-arg]  # not generic at run time
    """A bar with the part of ``total`` bytes that was transferred, the speed and the time left.

    ``total`` is None if it is unknown. Below 60 columns the line has no bar, below 34 no name.
    """

    def __init__(self, name: str, total: int | None) -> None:
        super().__init__(
            desc=printable(name[:_SHOWN_OF_NAME])[:_SHOWN_OF_NAME],
            total=total,
            file=_Screen(sys.stderr),
            ascii=" =",
            dynamic_ncols=True,
            leave=False,
            delay=0.2,
            smoothing=0.1,
        )

    def close(self) -> None:
        """Clear the line, including characters that were typed on it."""
        if not self.disable:
            super().close()
            self.fp.write("\r\x1b[K")
            self.fp.flush()

    def print_above(self, line: str) -> None:
        """Print ``line`` on stdout in the place of the bar, and draw the bar below it."""
        self.clear()
        print(line, flush=True)
        self.refresh()

    @property
    def format_dict(self) -> MutableMapping[str, Any]:
        """The facts that tqdm makes the line of, at every redrawing."""
        facts = dict(super().format_dict)
        width = facts["ncols"] or 80
        if width >= _MEDIUM:
            width -= len("^C")  # the echo of Ctrl-C must not push the cursor to the next line
        line = _layout(facts, width)
        braces = {"{": "{{", "}": "}}", "\0": "{bar}"}
        facts["bar_format"] = "".join(braces.get(character, character) for character in line)
        facts |= {"ncols": width, "prefix": ""}
        return facts


class _Screen:
    """A terminal that the bar may control. All text in the line of the bar is printable."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        write_control(self._stream, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _layout(facts: Mapping[str, Any], width: int) -> str:
    """Return the whole line, with a NUL in the place of the bar."""
    done, total, elapsed = facts["n"], facts["total"], facts["elapsed"]
    rate = facts["rate"] or (done / elapsed if elapsed else 0)
    size, speed = human_size(done), f"{human_size(int(rate))}/s"
    if total is None:
        words = [size, speed, tqdm.format_interval(elapsed)]
    else:
        left = tqdm.format_interval((total - done) / rate) if rate else "--:--"
        words = [f"{done * 100 // max(total, 1):3d}%", size, speed, left]
    if width < _MEDIUM:
        words = [word.strip() for word in words if word != speed]
        if len(" ".join(words)) > width:
            words.remove(size)
        return str(disp_trim(" ".join(words), width))
    if total is None or width < _WIDE:
        words[-3:-1] = [f"{size:>9}", f"{speed:>11}"]
        text = " ".join(words)
        return f"{_fitted(facts['prefix'], width - len(text) - 1)} {text}"
    text = f"{words[0]} {size:>10} {speed:>12} {words[-1]:>5}"
    return f"{_fitted(facts['prefix'], width // 4)} [\0] {text}"


def _fitted(label: str, width: int) -> str:
    """Return ``label`` in exactly ``width`` columns. Some characters take two of them."""
    trimmed = str(disp_trim(label, max(width, 0)))
    return trimmed + " " * (width - disp_len(trimmed))
