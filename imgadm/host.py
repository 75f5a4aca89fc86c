"""What the host says about itself, where it is one that has a platform."""

from __future__ import annotations

import json
from dataclasses import dataclass

from imgadm.errors import InternalError
from imgadm.programs import find_program, run_program


@dataclass(frozen=True)
class Platform:
    """``SDC Version`` and ``Live Image`` of ``sysinfo``: a release, and a time stamp."""

    release: str | None
    live_image: str | None


def platform() -> Platform | None:
    """The SmartOS platform that runs here, None on any other host. Raises InternalError."""
    sysinfo = find_program("sysinfo")
    if sysinfo is None:
        return None
    answer = run_program([sysinfo]).check("could not tell the platform")
    try:
        facts = json.loads(answer.stdout)
        return Platform(facts.get("SDC Version"), facts.get("Live Image"))
    except (ValueError, AttributeError) as error:
        raise InternalError(f"sysinfo does not print a JSON object: {error}") from None
