"""Lists of many images: those installed, next to Python's start; those on offer, next to curl."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.figures import goals
from benchmarks.figures.goals import Goal
from benchmarks.figures.rows import Row, ours_over_peer
from benchmarks.measuring.measure import Comparison, Plan, Timed, run_rounds, warm_up
from benchmarks.measuring.programs import imgadm_command, seconds_of, server
from benchmarks.subjects.many_images import COUNT, Host, configure, make_host, manifests

_PLAN = Plan(rounds=11, patience=0)
_PYTHON = "python3 -c pass"
_CURL = "curl, json.load"


def measure(say: Callable[[str], None]) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="imgadm-listings-") as name:
        say(f"lists of {COUNT} images")
        host = make_host(Path(name) / "host", manifests(COUNT))
        yield from _installed(host)
        with server("serve_lists.py", str(COUNT)) as url:
            yield from _offered(Path(name), url)


def _installed(host: Host) -> Iterator[Row]:
    """``list``; every run but the first of each finds the kept summaries of the records."""
    configure(host.root)
    path = f"{host.bin}:{os.environ['PATH']}"
    places = {
        "directory pool": {"IMGADM_POOL": str(host.pool)},
        "zpool": {"PATH": path, "IMGADM_POOL": "zones"},
    }
    nothing = _Listing("list", host.root, {"IMGADM_POOL": str(host.empty_pool)})
    shapes = {"list, no images": (nothing, 0, goals.LIST_NOTHING)}
    for place, environ in places.items():
        for command, goal in (("list", goals.LIST_MANY), ("list -j", None)):
            listing = _Listing(command, host.root, environ)
            shapes[f"{command}, {place}"] = (listing, COUNT, goal)
    timed: dict[str, Timed] = {_PYTHON: lambda: seconds_of([sys.executable, "-c", "pass"]) * 1000}
    for name, (listing, count, _) in shapes.items():
        listing.check(count)
        timed[name] = listing
    result = run_rounds(warm_up(timed, rivals=set()), _PLAN)
    for name, (_, _, goal) in shapes.items():
        yield _row(name, _PYTHON, result.compare(name, _PYTHON), goal)


def _offered(directory: Path, url: str) -> Iterator[Row]:
    """``avail``; a list that is unchanged comes from what was kept, once the server says so."""
    places = {
        "one source": ["one"],
        "one source, unchanged": ["tagged"],
        "two sources": ["one", "two"],
    }
    peers: dict[str, str] = {}
    timed: dict[str, Timed] = {}
    for place, names in places.items():
        root, urls = directory / place, [f"{url}/{name}" for name in names]
        configure(root, *urls)
        peer = f"{_CURL}, {place}"
        timed[peer] = partial(_fetch_and_parse, urls, root / "fetched.json")
        for command in ("avail", "avail -j"):
            listing = _Listing(command, root, {})
            listing.check(COUNT * len(names))
            timed[f"{command}, {place}"] = listing
            peers[f"{command}, {place}"] = peer
    result = run_rounds(warm_up(timed, rivals=set()), _PLAN)
    for name, peer in peers.items():
        yield _row(name, _CURL, result.compare(name, peer), goals.AVAIL_MANY)


def _row(name: str, peer: str, compared: Comparison, goal: Goal | None) -> Row:
    key = "listings/" + name.replace(",", "").replace(" ", "-")
    return ours_over_peer(key, f"imgadm {name}", peer, compared, goal, unit="ms")


@dataclass(frozen=True)
class _Listing:
    """A command and the host that it runs on; called, it returns the milliseconds it took."""

    command: str
    root: Path
    environ: Mapping[str, str]

    @property
    def _argv(self) -> list[str]:
        return [*imgadm_command(), *self.command.split()]

    @property
    def _variables(self) -> dict[str, str]:
        return {"IMGADM_ROOT": str(self.root), **self.environ}

    def __call__(self) -> float:
        return seconds_of(self._argv, self._variables) * 1000

    def check(self, images: int) -> None:
        """Run once and fail unless there were so many images."""
        environ = {**os.environ, **self._variables}
        printed = subprocess.run(self._argv, env=environ, stdout=subprocess.PIPE, check=True).stdout
        found = printed.count(b'"manifest": {') if "-j" in self._argv else printed.count(b"Z\n")
        if found != images:
            raise RuntimeError(f"{self.command} printed {found} images, not {images}")


def _fetch_and_parse(urls: list[str], file: Path) -> float:
    """Milliseconds for what the least of programs does: fetch into a file, and parse that."""
    parse = f"import json; json.load(open({str(file)!r}, 'rb'))"
    steps = [
        f"curl -sSf {url}/images >{shlex.quote(str(file))} && "
        f"{shlex.join([sys.executable, '-c', parse])}"
        for url in urls
    ]
    return seconds_of(["/bin/sh", "-c", " && ".join(steps)]) * 1000
