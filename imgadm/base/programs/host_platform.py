"""The SmartOS platform that runs on this host, as ``sysinfo`` reports it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from imgadm.base.programs.programs import find_program, run_query


@dataclass(frozen=True)
class HostPlatform:
    """A platform: its ``release`` (``SDC Version``) and time stamp (``Live Image``)."""

    release: str | None
    live_image: str | None


def host_platform() -> HostPlatform | None:
    """Return the platform of this host, None on a host without ``sysinfo``.

    Raises InternalError if ``sysinfo`` fails or prints anything unexpected, because its answer
    decides whether an image is refused.
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
