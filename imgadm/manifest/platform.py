"""The platform limits of an image, ``requirements.min_platform`` and ``.max_platform``.

Each limit maps releases of the platform (``"7.0"``) to build times (``"20260312T000148Z"``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from imgadm.base.json_text import compact_json
from imgadm.base.text import excerpt
from imgadm.manifest.errors import InvalidManifestError, PlatformError

DEFAULT_RELEASE = "6.5"
"""The release of a platform that does not tell its release."""


def check_platform(
    requirements: Mapping[str, Any] | None, sdc_version: str | None, live_image: str | None
) -> None:
    """Raise :class:`PlatformError` unless this platform satisfies the limits of an image.

    ``sdc_version`` and ``live_image`` are ``SDC Version`` and ``Live Image`` of ``sysinfo``. A
    platform without the former has release 6.5. Releases are compared as numbers: 10.0 is newer
    than 7.0. If no limit is for this release, the releases alone are compared.
    """
    release = sdc_version or DEFAULT_RELEASE
    lower = _limits(requirements, "min_platform")
    if lower and not _fits(lower, release, live_image, min, lambda got, want: got >= want):
        raise _error("MinPlatform", "min_platform", lower, release, live_image)
    upper = _limits(requirements, "max_platform")
    if upper and not _fits(upper, release, live_image, max, lambda got, want: got <= want):
        raise _error("MaxPlatform", "max_platform", upper, release, live_image)


def _limits(requirements: Mapping[str, Any] | None, name: str) -> Mapping[str, str]:
    limits = requirements.get(name) if isinstance(requirements, Mapping) else None
    if not limits:
        return {}
    if not isinstance(limits, dict) or not all(isinstance(s, str) for s in limits.values()):
        raise InvalidManifestError(
            f"requirements.{name} must map releases to build times, got {excerpt(limits)}"
        )
    return limits


def _fits(
    limits: Mapping[str, str],
    release: str,
    stamp: str | None,
    outermost: Callable[..., tuple[tuple[int, str], ...]],
    holds: Callable[[Any, Any], bool],
) -> bool:
    if release in limits:
        return stamp is None or holds(stamp, limits[release])
    return holds(_release_key(release), outermost(map(_release_key, limits)))


def _release_key(release: str) -> tuple[tuple[int, str], ...]:
    parts = release.split(".")
    return tuple(
        (int(part), "") if part.isascii() and part.isdigit() and len(part) < 19 else (-1, part)
        for part in parts
    )


def _error(
    code: str, name: str, limits: Mapping[str, str], release: str, stamp: str | None
) -> PlatformError:
    return PlatformError(
        code,
        f"current platform version, {release}/{stamp or 'unknown'}, does not satisfy "
        f"requirements.{name}={excerpt(compact_json(limits))}",
    )
