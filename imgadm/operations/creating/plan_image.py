"""The plan of the image of a machine, made before the machine is touched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from imgadm.base.errors import InternalError
from imgadm.base.programs.host_platform import host_platform
from imgadm.machines import Datasets, Machine
from imgadm.machines.errors import (
    MaxOriginDepthError,
    OriginHasNoFinalSnapshotError,
    VmHasNoOriginError,
    VmNotStoppedError,
)
from imgadm.manifest import check_manifest
from imgadm.operations.events import creating as events
from imgadm.operations.events.event import OnEvent
from imgadm.operations.listing.installed_ancestry import installed_ancestry
from imgadm.operations.new_manifest import new_manifest
from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage


@dataclass(frozen=True)
class WantedImage:
    """The image that the operator asks for.

    ``fields`` are given fields of its manifest. An ``incremental`` image is based on the one that
    the machine was made from. ``max_origin_depth`` is the number of images that it may be based on,
    None for any number. ``script`` is the text of the script that prepares the machine first.
    """

    fields: Mapping[str, Any]
    incremental: bool = False
    max_origin_depth: int | None = None
    script: str | None = None


@dataclass(frozen=True)
class PlannedImage:
    """The planned image: its manifest, the dataset to send, and the snapshot to send it from.

    ``base`` is the full name of that snapshot, None for a full image.
    """

    manifest: dict[str, Any]
    dataset: str
    base: str | None


def plan_image(
    open_pool: Callable[[str], Pool],
    datasets: Datasets,
    machine: Machine,
    wanted: WantedImage,
    on_event: OnEvent,
) -> PlannedImage:
    """Return the plan of the image that is ``wanted`` of ``machine``.

    ``open_pool`` returns the pool with a given name. Nothing is changed. Raises an ImgadmError if
    it is clear beforehand that the image can't be made.
    """
    _check_state(machine, wanted)
    volume = machine.volume
    origin = None if volume.image is None else open_pool(volume.pool).get(volume.image)
    if wanted.max_origin_depth is not None and origin is not None:
        chain = installed_ancestry(open_pool(volume.pool), origin.uuid)
        if len(chain) > wanted.max_origin_depth:
            raise MaxOriginDepthError(wanted.max_origin_depth)
    if origin is not None:
        on_event(events.Inheriting(origin.manifest))
    elif wanted.incremental:
        raise VmHasNoOriginError(machine.uuid)
    manifest = _manifest(machine, origin, wanted)
    on_event(events.ManifestMade(manifest))
    check_manifest(manifest)
    base = None
    if wanted.incremental:
        assert origin is not None
        base = f"{volume.pool}/{origin.uuid}@final"
        if not datasets.exists(base):
            raise OriginHasNoFinalSnapshotError(origin.uuid)
    if not datasets.exists(volume.dataset):
        raise InternalError(
            f'vm "{machine.uuid}" should have the dataset "{volume.dataset}", which does not exist'
        )
    if len(machine.disks) > 1 and volume in machine.disks:
        others = ", ".join(disk.dataset for disk in machine.disks[1:])
        on_event(
            events.Warned(f"only the first disk, {volume.dataset}, becomes the image; not {others}")
        )
    return PlannedImage(manifest, volume.dataset, base)


def _check_state(machine: Machine, wanted: WantedImage) -> None:
    if machine.is_stopped or (wanted.script is not None and machine.state == "running"):
        return
    raise VmNotStoppedError(machine.uuid, None if wanted.script is None else machine.state)


def _manifest(
    machine: Machine, origin: InstalledImage | None, wanted: WantedImage
) -> dict[str, Any]:
    requirements: dict[str, Any] = {}
    if machine.brand in ("joyent", "joyent-minimal"):
        here = host_platform()
        if here is not None and here.release and here.live_image:
            requirements["min_platform"] = {here.release: here.live_image}
    if machine.brand in ("bhyve", "lx", "kvm"):
        requirements["brand"] = machine.brand
    if machine.brand == "bhyve" and machine.bootrom:
        requirements["bootrom"] = machine.bootrom
    below = None if origin is None else dict(origin.manifest)
    defaults = {}
    if below is not None and below.get("type") == "docker":
        # A machine made of layers becomes one file system, which is no layer of any registry.
        del below["type"]
        defaults["type"] = "lx-dataset" if machine.brand == "lx" else "zone-dataset"
    if below is not None and "image_size" in below and machine.volume.size is not None:
        # A disk that has been resized is larger than the image that it was made of.
        below["image_size"] = machine.volume.size
    return new_manifest(
        wanted.fields,
        origin=below,
        incremental=wanted.incremental,
        defaults=defaults,
        requirements=requirements,
    )
