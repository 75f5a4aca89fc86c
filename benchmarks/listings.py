"""Lists of many images: those installed, next to Python's start; those on offer, next to curl."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from benchmarks import goals
from benchmarks.many_images import COUNT, Host, configure, make_host, manifests
from benchmarks.measure import Plan, Timed, run_rounds, warm_up
from benchmarks.programs import imgadm_command, seconds_of, server
from benchmarks.rows import Row, ours_over_peer

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
    configure(host.root)
    path = f"{host.bin}:{os.environ['PATH']}"
    places = {
        "no images": ({"IMGADM_POOL": str(host.empty_pool)}, goals.LIST_NOTHING),
        "directory pool": ({"IMGADM_POOL": str(host.pool)}, goals.LIST_MANY),
        "zpool": ({"PATH": path, "IMGADM_POOL": "zones"}, goals.LIST_MANY),
    }
    shapes: dict[str, Timed] = {_PYTHON: lambda: seconds_of([sys.executable, "-c", "pass"]) * 1000}
    for place, (environ, _) in places.items():
        for command in ("list", "list -j"):
            shapes[f"{command}, {place}"] = partial(_imgadm, command, host.root, environ)
    del shapes["list -j, no images"]
    result = run_rounds(warm_up(shapes, rivals=set()), _PLAN)
    for name in [name for name in shapes if name != _PYTHON]:
        command, _, place = name.partition(", ")
        key = f"listings/{command}/{place}".replace(" ", "-")
        compared = result.compare(name, _PYTHON)
        yield ours_over_peer(
            *(key, f"imgadm {name}", _PYTHON, compared, places[place][1]), unit="ms"
        )


def _offered(directory: Path, url: str) -> Iterator[Row]:
    sources = {
        "one source": ["one"],
        "one source, unchanged": ["tagged"],
        "two sources": ["one", "two"],
    }
    shapes: dict[str, Timed] = {}
    for place, names in sources.items():
        root, urls = directory / place.replace(" ", "-"), [f"{url}/{name}" for name in names]
        configure(root, *urls)
        shapes[f"{_CURL}, {place}"] = partial(_fetch_and_parse, urls, root)
        for command in ("avail", "avail -j"):
            shapes[f"{command}, {place}"] = partial(_imgadm, command, root, {})
    result = run_rounds(warm_up(shapes, rivals=set()), _PLAN)
    for place in sources:
        for command in ("avail", "avail -j"):
            compared = result.compare(f"{command}, {place}", f"{_CURL}, {place}")
            key = f"listings/{command}/{place}".replace(" ", "-").replace(",", "")
            yield ours_over_peer(
                *(key, f"imgadm {command}, {place}", _CURL, compared, goals.AVAIL_MANY), unit="ms"
            )


def _imgadm(command: str, root: Path, environ: Mapping[str, str]) -> float:
    argv = [*imgadm_command(), *command.split()]
    return seconds_of(argv, {"IMGADM_ROOT": str(root), **environ}) * 1000


def _fetch_and_parse(urls: list[str], directory: Path) -> float:
    """Milliseconds for what the least of programs does: fetch into files, and parse these."""
    fetched = directory / "fetched.json"
    parse = f"import json; json.load(open({str(fetched)!r}, 'rb'))"
    steps = [
        f"curl -sSf {url}/images >{shlex.quote(str(fetched))} && "
        f"{shlex.join([sys.executable, '-c', parse])}"
        for url in urls
    ]
    return seconds_of(["/bin/sh", "-c", " && ".join(steps)]) * 1000
