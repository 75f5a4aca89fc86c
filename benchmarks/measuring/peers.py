"""The programs of the host that do the same jobs without imgadm."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from imgadm.streams.codecs.processors import usable_processors


@dataclass(frozen=True)
class Program:
    """A command line from input to output; ``name`` is how the table calls it."""

    name: str
    argv: tuple[str, ...]

    @property
    def command(self) -> str:
        return shlex.join(self.argv)


def _program(*argv: str) -> Program:
    return Program(" ".join(argv), argv)


_IGZIP = Program("python3 -m isal.igzip -dc", (sys.executable, "-P", "-m", "isal.igzip", "-dc"))

ORDINARY = {
    "none": _program("cat"),
    "gzip": _program("gzip", "-dc"),
    "bzip2": _program("bzip2", "-dc"),
    "xz": _program("xz", "-dc"),
    "zstd": _program("zstd", "-q", "-dc"),
}
"""The programs that decompress a file in the two-pass shape, as the original tool did."""


def decoders(compression: str) -> list[Program]:
    """Every decoder for a shell pipeline that this host has."""
    threads = str(usable_processors())
    others = {
        "gzip": [_program("pigz", "-dc"), _program("igzip", "-dc"), _IGZIP],
        "bzip2": [_program("lbzip2", "-n", threads, "-dc")],
        "xz": [_program("xz", "-T0", "-dc")],
    }
    candidates = [ORDINARY[compression], *others.get(compression, [])]
    return [candidate for candidate in candidates if _is_available(candidate)]


def _is_available(decoder: Program) -> bool:
    if decoder is _IGZIP:
        return importlib.util.find_spec("isal") is not None
    return shutil.which(decoder.argv[0]) is not None


def compressor(compression: str) -> Program | None:
    """The fastest usual program that compresses, at the level of ours where levels are the same.

    None: this host has none.
    """
    threads = str(usable_processors())
    candidates = {
        "gzip": [_program("pigz", "-c"), _program("gzip", "-c")],
        "bzip2": [_program("lbzip2", "-9", "-n", threads, "-c"), _program("bzip2", "-9", "-c")],
        "xz": [_program("xz", "-6", "-T0", "-c")],
        "zstd": [_program("zstd", "-q", "-3", "-T0", "-c")],
    }[compression]
    return next(filter(_is_available, candidates), None)


def compress(source: Path, program: Program, target: Path) -> str:
    """A source that is a process, as ``zfs send`` is one, into a program into a file."""
    return (
        f"set -o pipefail; cat {shlex.quote(str(source))} | {program.command} "
        f">{shlex.quote(str(target))}"
    )


def one_pass(url: str, decoder: Program, digest: Path) -> str:
    """One pass in the shell; leaves what sha1sum says in ``digest``."""
    stages = [
        f"curl -sSf {shlex.quote(url)}",
        f"tee >(sha1sum >{shlex.quote(str(digest))})",
        # Without compression, the process that drains is the one that would decode.
        *([] if decoder.argv == ("cat",) else [decoder.command]),
        "cat >/dev/null",
    ]
    return "set -o pipefail; " + " | ".join(stages)


def download(url: str, file: Path, digest: Path) -> str:
    """The first of two passes: the file is stored and hashed as it comes."""
    stored = shlex.quote(str(file))
    return (
        f"set -o pipefail; curl -sSf {shlex.quote(url)} | tee {stored} "
        f"| sha1sum >{shlex.quote(str(digest))}"
    )


def decode(file: Path, decoder: Program) -> str:
    """The second of two passes."""
    return f"set -o pipefail; {decoder.command} {shlex.quote(str(file))} | cat >/dev/null"
