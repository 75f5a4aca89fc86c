"""The zpool in the guest and its volumes."""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path

from .session import Session

POOL_DIRECTORY = "/run/zfsvm-pool"
"""A tmpfs. Whole disks need partition nodes, which need udev, which the guest does without."""


def create_pool(vm: Session, name: str = "zones", *, size: str = "3G") -> None:
    """Create a pool on a sparse file in the guest's memory. `size` as truncate(1) takes it."""
    backing = f"{POOL_DIRECTORY}/{name}"
    vm.check(
        f"mkdir -p {POOL_DIRECTORY}\n"
        f"mountpoint -q {POOL_DIRECTORY} || mount -t tmpfs -o size=100% pool {POOL_DIRECTORY}\n"
        f"truncate -s {size} {backing} && zpool create -O compression=lz4 {name} {backing}"
    )


def volume_devices(vm: Session, *datasets: str) -> list[str]:
    """The block devices of volumes or of volumes' snapshots, in the order given.

    Nodes are /dev/zd0, /dev/zd16, … as they come, and no udev links them to names: the program that
    udev's rules would ask is asked for each. They come in the background, hence the patience.
    """
    names = shlex.join(datasets)
    shown = vm.check(
        f"""
        for attempt in $(seq 50); do
            unset device
            declare -A device
            for node in /sys/block/zd*; do
                name=$(/lib/udev/zvol_id "/dev/${{node##*/}}" 2>/dev/null) || continue
                device[$name]=/dev/${{node##*/}}
            done
            missing=
            for name in {names}; do [ "${{device[$name]}}" ] || missing="$missing $name"; done
            [ "$missing" ] || break
            sleep 0.2
        done
        [ -z "$missing" ] || {{ echo "no device for$missing" >&2; exit 1; }}
        for name in {names}; do echo "${{device[$name]}}"; done
        """
    )
    return shown.splitlines()


def volume_device(vm: Session, dataset: str) -> str:
    """The block device of one volume, as :func:`volume_devices` finds it."""
    return volume_devices(vm, dataset)[0]


def fetch_volumes(vm: Session, *datasets: str, timeout: float = 600) -> list[Path]:
    """Copy volumes into ``vm.exchange``, with holes where they are zero; returns the files."""
    copies = [vm.exchange / f"{dataset.replace('/', '-')}.raw" for dataset in datasets]
    devices = volume_devices(vm, *datasets)
    script = "".join(
        f"dd if={device} of={copy} bs=1M iflag=direct conv=sparse status=none || exit 1\n"
        for device, copy in zip(devices, copies, strict=True)
    )
    vm.check(script, timeout=timeout)
    return copies


def fetch_volume(vm: Session, dataset: str, *, timeout: float = 600) -> Path:
    """Copy one volume as :func:`fetch_volumes` does."""
    return fetch_volumes(vm, dataset, timeout=timeout)[0]


def volume_digests(vm: Session, *datasets: str, timeout: float = 600) -> list[str]:
    """The SHA-256 of all bytes of each volume, in hexadecimal.

    Computed on the host: what the emulated processor does slowest is arithmetic.
    """
    digests = []
    for copy in fetch_volumes(vm, *datasets, timeout=timeout):
        with copy.open("rb") as volume:
            digests.append(hashlib.file_digest(volume, "sha256").hexdigest())
        copy.unlink()
    return digests


def volume_sha256(vm: Session, dataset: str, *, timeout: float = 600) -> str:
    """The SHA-256 of one volume, as :func:`volume_digests` computes it."""
    return volume_digests(vm, dataset, timeout=timeout)[0]
