"""The zpool in the guest and its volumes."""

from __future__ import annotations

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


def volume_sha256(vm: Session, dataset: str, *, timeout: float = 300) -> str:
    """The SHA-256 of all of a volume's bytes, in hexadecimal."""
    device = volume_device(vm, dataset)
    return vm.check(f"sha256sum {device}", timeout=timeout).split()[0]
