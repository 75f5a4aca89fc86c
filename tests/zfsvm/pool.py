"""The zpool in the guest and its volumes."""

from __future__ import annotations

import hashlib
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


def volume_device(vm: Session, dataset: str) -> str:
    """The block device of a volume or of a volume's snapshot.

    Nodes are /dev/zd0, /dev/zd16, … as they come, and no udev links them to names: the program that
    udev's rules would ask is asked for each. They come in the background, hence the patience.
    """
    return vm.check(
        f"""
        for attempt in $(seq 50); do
            for node in /sys/block/zd*; do
                device=/dev/${{node##*/}}
                if [ "$(/lib/udev/zvol_id "$device" 2>/dev/null)" = "{dataset}" ]; then
                    echo "$device"
                    exit 0
                fi
            done
            sleep 0.2
        done
        echo "no device for volume {dataset}" >&2
        exit 1
        """
    ).strip()


def fetch_volume(vm: Session, dataset: str, *, timeout: float = 600) -> Path:
    """Copy a volume into ``vm.exchange``, with holes where it is zero; returns the file."""
    copy = vm.exchange / f"{dataset.replace('/', '-')}.raw"
    device = volume_device(vm, dataset)
    vm.check(
        f"dd if={device} of={copy} bs=1M iflag=direct conv=sparse status=none", timeout=timeout
    )
    return copy


def volume_sha256(vm: Session, dataset: str, *, timeout: float = 600) -> str:
    """The SHA-256 of all of a volume's bytes, in hexadecimal.

    Computed on the host: what the emulated processor does slowest is arithmetic.
    """
    copy = fetch_volume(vm, dataset, timeout=timeout)
    with copy.open("rb") as volume:
        digest = hashlib.file_digest(volume, "sha256").hexdigest()
    copy.unlink()
    return digest
