"""The recorded cases: what was there, what was typed, what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from . import fixtures
from .outcome import Outcome

FILES = (
    "import",
    "install",
    "list",
    "get",
    "show",
    "avail",
    "update",
    "delete",
    "ancestry",
    "vacuum",
    "create",
    "sources",
    "general",
    "publish",
)


@dataclass(frozen=True)
class Case:
    """One recorded run. ``setup`` steps are applied in order; ``recorded`` is what came of it."""

    name: str
    about: str
    setup: tuple[dict[str, Any], ...]
    argv: tuple[str, ...]
    environment: dict[str, str]
    keystrokes: str
    stdin: str
    tty: bool
    recorded: Outcome
    calls: tuple[dict[str, Any], ...] = field(repr=False)
    http: tuple[dict[str, Any], ...] = field(repr=False)
    preparation: str = "success"

    @property
    def command(self) -> str:
        return next((word for word in self.argv if not word.startswith("-")), "")


@cache
def load() -> tuple[Case, ...]:
    """All cases."""
    return tuple(
        _case(entry)
        for name in FILES
        for entry in json.loads((fixtures.RECORDED / f"{name}.json").read_text("utf-8"))
    )


def find(name: str) -> Case:
    """The case of that name; KeyError if there is none."""
    return {case.name: case for case in load()}[name]


def _case(entry: dict[str, Any]) -> Case:
    return Case(
        name=entry["name"],
        about=entry["about"],
        setup=tuple(entry["setup"]),
        argv=tuple(entry["argv"]),
        environment=entry["env"],
        keystrokes=entry.get("lab", {}).get("vi", "true"),
        stdin=entry["stdin"],
        tty=entry.get("tty", False),
        recorded=_outcome(entry),
        calls=tuple(entry["calls"]),
        http=tuple(entry["http"]),
        preparation=entry.get("lab", {}).get("prep", "success"),
    )


def _outcome(entry: dict[str, Any]) -> Outcome:
    areas = {
        area: change
        for area, change in entry["state_change"].items()
        if area in ("var_imgadm", "work_dir", "datasets", "vms", "var_db_imgadm", "downloads")
    }
    state = {
        (f"{area} {kind}", path): content
        for area, change in areas.items()
        for kind, found in change.items()
        for path, content in (dict.fromkeys(found, "") if kind == "removed" else found).items()
    }
    if "server_image_after" in entry:
        published = entry["server_image_after"]
        state["server added", published["uuid"]] = json.dumps(published, indent=2)
    requests = {f"{one['method']} {one['source']}{one['url']}" for one in entry["http"]}
    return Outcome(
        exit=str(entry.get("signal") or entry["exit"]),
        stdout=entry.get("stdout", ""),
        stderr=entry.get("stderr", ""),
        terminal=entry.get("terminal_output", ""),
        state=state,
        requests=frozenset(requests),
        editor_text=entry.get("editor_text", ""),
    )
