"""What the host says about itself, where it is one that has a platform."""

from __future__ import annotations

import json
from dataclasses import dataclass

from imgadm.base.programs.programs import find_program, run_query


@dataclass(frozen=True)
class HostPlatform:
    """``SDC Version`` and ``Live Image`` of ``sysinfo``: a release, and a time stamp."""

    release: str | None
    live_image: str | None


def host_platform() -> HostPlatform | None:
    """The SmartOS platform that runs here, None on any other host. Raises InternalError.

    What it prints is checked: an image is refused, or not, by it.
    """
    sysinfo = find_program("sysinfo")
    if sysinfo is None:
        return None
    answer = run_query([sysinfo]).check("could not tell the platform")
    try:
        facts = json.loads(answer.stdout)
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise answer.nonsense("a JSON object", answer.stdout)
    release, live_image = facts.get("SDC Version"), facts.get("Live Image")
    for name, value in (("SDC Version", release), ("Live Image", live_image)):
        if not isinstance(value, str | None):
            raise answer.nonsense(f"a text as its {name}", json.dumps(value))
    return HostPlatform(release, live_image)
