"""The images among the datasets of the host, found in one listing of all of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from imgadm.base.patterns import UUID
from imgadm.base.programs.completed import Completed
from imgadm.base.programs.programs import find_program, run_query

_IMAGE_NAME = re.compile(rf"([^/@]+)/({UUID})")
_DISK = re.compile(rf"[^/@]+/{UUID}/disk[0-9]+")
_FIELDS_OF_ZONE = 4
_TRUE, _FALSE = frozenset({"true", "yes"}), frozenset({"-", "false", "no"})

LISTING = ("list", "-t", "filesystem,volume,snapshot", "-pH", "-o")
"""The arguments of ``zfs`` that list all datasets; :data:`COLUMNS` follows."""
COLUMNS = "name,origin,mountpoint,imgadm:ignore,creation"
"""The columns of the listing in which :func:`find_images` looks."""


class FoundImage(NamedTuple):
    """The dataset of an image.

    ``clones`` are the names of all datasets that are cloned from it or from a dataset below it.
    ``created`` is in seconds since 1970. A ``doubtful`` dataset may be something else, or hold more
    than an image: there are datasets below it, or it has neither a record nor a ``@final``.
    """

    pool: str
    uuid: str
    clones: tuple[str, ...]
    created: int | None
    doubtful: bool


class _Row(NamedTuple):
    name: str
    origin: str
    mountpoint: str
    ignore: str
    creation: str

    @property
    def is_clone(self) -> bool:
        return self.origin not in ("", "-")


def zone_roots() -> frozenset[str]:
    """Return the mountpoints of the zones of this host; none if the host has no zones.

    Raises InternalError if ``zoneadm`` does not list them, for without them the datasets of
    machines would look like images. It always lists the global zone.
    """
    zoneadm = find_program("zoneadm")
    if zoneadm is None:
        return frozenset()
    listing = run_query([zoneadm, "list", "-pc"]).check("could not list zones")
    roots = set()
    for line in listing.lines() or [""]:
        # A colon inside a field has a backslash before it.
        fields = re.split(r"(?<!\\):", line)
        if len(fields) < _FIELDS_OF_ZONE:
            raise listing.nonsense(f"lines of {_FIELDS_OF_ZONE} or more fields", line)
        roots.add(fields[3].replace("\\:", ":"))
    return frozenset(roots)


def names_below(listing: Completed, dataset: str) -> list[str]:
    """Return the names in a listing of ``dataset`` and all below it; ``dataset`` is the first.

    Raises InternalError if the listing has any other name: callers rename and destroy by these
    names.
    """
    names = [name for (name,) in listing.rows(1)]
    wanted = f"{dataset} and what is below it"
    if names[:1] != [dataset]:
        raise listing.nonsense(wanted, names[0] if names else "")
    for name in names[1:]:
        if not name.startswith((f"{dataset}@", f"{dataset}/", f"{dataset}#")):
            raise listing.nonsense(wanted, name)
    return names


def find_images(
    listing: Completed,
    roots: frozenset[str],
    is_recorded: Callable[[str, str], bool],
    warn: Callable[[str], None],
    came_with_stream: Callable[[str], bool],
) -> list[FoundImage]:
    """Return the images among the datasets that ``listing`` names, in its order.

    A dataset is an image if it is named ``POOL/UUID``, belongs to no zone, is not marked
    ``imgadm:ignore``, and does not look like a virtual machine. A machine is a clone without a
    ``@final`` of its own, or has disks below it.

    ``is_recorded`` gets a pool and a UUID, and tells whether there is a record of that image.
    ``came_with_stream`` tells whether the ``imgadm:ignore`` of a dataset came with a stream. Such a
    mark does not count: the maker of an image does not decide whether this host lists it. ``warn``
    is called with a warning about a mark that makes no sense.

    Raises InternalError for a listing that makes no sense. A machine may own datasets, and give
    them properties with newlines in them; a line of such a property must not pass for a dataset.
    """
    rows = [_Row(*fields) for fields in listing.rows(COLUMNS.count(",") + 1)]
    names: set[str] = set()
    for row in rows:
        if row.name in names:
            raise listing.nonsense("every dataset once", row.name)
        names.add(row.name)
    final = {row.name.removesuffix("@final") for row in rows if row.name.endswith("@final")}
    zones = {root.rpartition("/")[2] for root in roots}
    clones, below = _clones(rows), _datasets_below(rows)
    found = []
    for row in rows:
        match = None if "@" in row.name else _IMAGE_NAME.fullmatch(row.name)
        if match is None or match[2] in zones:
            continue
        inside, has_final = below.get(row.name, []), row.name in final
        certain = has_final or is_recorded(match[1], match[2])
        is_machine = row.is_clone or any(map(_DISK.fullmatch, inside))
        if row.ignore in _TRUE and is_recorded(match[1], match[2]) and came_with_stream(row.name):
            row = row._replace(ignore="-")
        if (certain or not is_machine) and _is_image(row, roots, has_final=has_final, warn=warn):
            found.append(
                FoundImage(
                    pool=match[1],
                    uuid=match[2],
                    clones=tuple(clones.get(row.name, ())),
                    created=int(row.creation) if row.creation.isdecimal() else None,
                    doubtful=not certain or bool(inside),
                )
            )
    return found


def _is_image(
    row: _Row, roots: frozenset[str], *, has_final: bool, warn: Callable[[str], None]
) -> bool:
    if row.mountpoint in roots:
        return False
    if row.origin.endswith("@final") and not has_final:
        return False
    if row.ignore not in _TRUE and row.ignore not in _FALSE:
        warn(
            f"dataset {row.name}: TypeError: invalid value for "
            f'"imgadm:ignore" zfs property: "{row.ignore}"'
        )
    return row.ignore not in _TRUE


def _clones(rows: Iterable[_Row]) -> Mapping[str, list[str]]:
    """Return the names of all clones, by the dataset of the image that has their origin."""
    clones: dict[str, list[str]] = {}
    for row in rows:
        if row.is_clone:
            clones.setdefault(_top(row.origin.partition("@")[0]), []).append(row.name)
    return clones


def _datasets_below(rows: Iterable[_Row]) -> Mapping[str, list[str]]:
    """Return the file systems and volumes below datasets of images, by those datasets."""
    below: dict[str, list[str]] = {}
    for row in rows:
        if "@" not in row.name and (top := _top(row.name)) != row.name:
            below.setdefault(top, []).append(row.name)
    return below


def _top(dataset: str) -> str:
    return "/".join(dataset.split("/", 2)[:2])
