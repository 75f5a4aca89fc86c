"""Rules of the ``requirements`` of a manifest: the needs of machines made from the image."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from imgadm.base.json_values import is_whole, truthy
from imgadm.base.text import excerpt, json_excerpt
from imgadm.manifest.rules.violations import Violation, invalid, missing

BOOTROMS = ("bios", "uefi")
_KNOWN = (
    "networks",
    "brand",
    "ssh_key",
    "min_ram",
    "max_ram",
    "min_platform",
    "max_platform",
    "bootrom",
)
_STAMP = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")


def requirement_violations(requirements: Any) -> Iterator[Violation]:
    """Yield every broken rule of ``requirements``; false, zero, null and "" count as left out."""
    if not isinstance(requirements, dict):
        yield invalid(
            "requirements",
            f'invalid image "requirements" (not an object): {json_excerpt(requirements)}',
        )
        return
    given = {name: value for name, value in requirements.items() if truthy(value)}
    if "networks" in given:
        yield from _networks(given["networks"])
    if "brand" in given and not isinstance(given["brand"], str):
        yield _wrong_type("brand", "a string", given["brand"])
    if "ssh_key" in given and not isinstance(given["ssh_key"], bool):
        yield _wrong_type("ssh_key", "a boolean", given["ssh_key"])
    yield from _memory(given)
    for name in ("min_platform", "max_platform"):
        if name in given:
            yield from _platform(name, given[name])
    if "bootrom" in given:
        yield from _bootrom(given["bootrom"], given.get("brand"))
    for name in requirements:
        if name not in _KNOWN:
            yield invalid(excerpt(name), f'unsupported requirement "{excerpt(name)}"')


def is_platform_stamp(value: object) -> bool:
    """Tell whether ``value`` is a build time such as ``20260312T000148Z``, of 2012 or later."""
    if not isinstance(value, str) or not (match := _STAMP.fullmatch(value)):
        return False
    year, month, day, hour, minute, second = map(int, match.groups())
    date_fits = year >= 2012 and 1 <= month <= 12 and 1 <= day <= 31
    return date_fits and hour <= 23 and minute <= 59 and second <= 59


def _wrong_type(name: str, wanted: str, value: Any) -> Violation:
    field = f"requirements.{name}"
    return invalid(field, f'invalid image "{field}" (not {wanted}): {json_excerpt(value)}')


def _networks(networks: Any) -> Iterator[Violation]:
    if not isinstance(networks, list):
        yield _wrong_type("networks", "an array", networks)
        return
    field = "requirements.networks"
    for entry in networks:
        if not isinstance(entry, dict) or set(entry) != {"name", "description"}:
            yield invalid(field, f'invalid image "{field}" entry: {json_excerpt(entry)}')


def _memory(given: Mapping[str, Any]) -> Iterator[Violation]:
    whole = {}
    for name in ("min_ram", "max_ram"):
        if name in given and is_whole(given[name]):
            whole[name] = given[name]
        elif name in given:
            yield _wrong_type(name, "a positive integer", given[name])
    if len(whole) == 2 and whole["min_ram"] > whole["max_ram"]:
        amounts = ", ".join(f"{name}={json_excerpt(value)}" for name, value in whole.items())
        yield invalid("requirements.max_ram", f"min_ram must be <= max_ram, but:{amounts}")


def _platform(name: str, limits: Any) -> Iterator[Violation]:
    if not isinstance(limits, dict) or not limits:
        yield _wrong_type(name, "an object", limits)
        return
    field = f"requirements.{name}"
    for version, stamp in limits.items():
        if not is_platform_stamp(stamp):
            entry = f'"{excerpt(version)}: {excerpt(stamp)}"'
            yield invalid(
                field, f'invalid image "{field}" entry: {entry} not a valid platform version'
            )


def _bootrom(bootrom: Any, brand: Any) -> Iterator[Violation]:
    field = "requirements.bootrom"
    if brand is None:
        yield missing(
            field,
            f'"requirements.brand" not specified. "{field}" requires "requirements.brand" '
            'to be set to "bhyve"',
        )
        return
    if brand != "bhyve":
        yield invalid(
            field,
            f'invalid bootrom "{field}" not supported with "{excerpt(brand)}" brand; '
            '"requirements.brand" must be "bhyve"',
        )
    if bootrom not in BOOTROMS:
        yield invalid(
            field,
            f'invalid bootrom "{field}" invalid entry "{excerpt(bootrom)}"; '
            f"must be one of: {', '.join(BOOTROMS)}",
        )
