"""The facts of a virtual machine that matter for creating an image of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imgadm.base.errors import InternalError, NotSupportedError
from imgadm.base.json_values import is_whole
from imgadm.base.patterns import is_uuid

ZONE_BRANDS = ("joyent", "joyent-minimal", "builder", "lx")
DISK_BRANDS = ("kvm", "bhyve")
BRANDS = ZONE_BRANDS + DISK_BRANDS


@dataclass(frozen=True)
class Volume:
    """A dataset of a machine that can become an image, and the ``image`` it was cloned from.

    ``size`` is the size of a disk in MiB, None if vmadm does not report it.
    """

    dataset: str
    pool: str
    image: str | None
    size: int | None = None


@dataclass(frozen=True)
class Machine:
    """A machine as ``vmadm get`` reports it. ``dataset`` is the root of the machine's zone."""

    uuid: str
    brand: str
    state: str
    dataset: str
    pool: str
    image: str | None
    disks: tuple[Volume, ...]
    bootrom: str | None
    autoboot: bool | None
    customer_metadata: Mapping[str, Any] = field(repr=False)
    internal_metadata: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, facts: Any) -> Machine:
        """Return the machine in the answer of vmadm. Raises InternalError if a fact is missing."""
        if not isinstance(facts, dict):
            raise InternalError("vmadm does not print a JSON object")
        return cls(
            uuid=_text(facts, "uuid"),
            brand=_text(facts, "brand"),
            state=_text(facts, "state"),
            dataset=_text(facts, "zfs_filesystem"),
            pool=_text(facts, "zpool"),
            image=_image(facts),
            disks=tuple(
                Volume(
                    _text(disk, "zfs_filesystem"), _text(disk, "zpool"), _image(disk), _size(disk)
                )
                for disk in facts.get("disks") or ()
            ),
            bootrom=facts.get("bootrom"),
            autoboot=facts.get("autoboot"),
            customer_metadata=_object(facts, "customer_metadata"),
            internal_metadata=_object(facts, "internal_metadata"),
        )

    @property
    def is_stopped(self) -> bool:
        """Whether the machine is stopped."""
        return self.state == "stopped"

    @property
    def volume(self) -> Volume:
        """The dataset that becomes an image: the first disk, or the zone itself.

        Raises NotSupportedError for an unknown brand, or a machine without disks.
        """
        if self.brand in ZONE_BRANDS:
            return Volume(self.dataset, self.pool, self.image)
        if self.brand not in DISK_BRANDS:
            raise NotSupportedError(
                f'cannot create an image of vm "{self.uuid}": its brand is "{self.brand}", '
                f"must be one of {', '.join(BRANDS)}"
            )
        if not self.disks:
            raise NotSupportedError(
                f'cannot create an image of vm "{self.uuid}": it has no disks, and images of '
                f"{self.brand} machines are made of their first disk"
            )
        return self.disks[0]

    @property
    def datasets(self) -> tuple[str, ...]:
        """All datasets that running the machine may change."""
        return tuple(dict.fromkeys([self.dataset, *(disk.dataset for disk in self.disks)]))


def _text(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name)
    if not isinstance(value, str) or not value:
        raise InternalError(f'vmadm does not tell the "{name}" of the machine')
    return value


def _image(facts: Mapping[str, Any]) -> str | None:
    image = facts.get("image_uuid")
    return image if is_uuid(image) else None


def _object(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = facts.get(name, {})
    return value if isinstance(value, dict) else {}


def _size(disk: Any) -> int | None:
    size = disk.get("size")
    return int(size) if is_whole(size) and size >= 1 else None
