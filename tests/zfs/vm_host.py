"""A host with machines: the stand-in for vmadm in the guest, images and machines on its pool."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.zfsvm import Session, volume_device

from .guest_host import GuestHost

PROGRAMS = Path(__file__).parents[1] / "vmhost" / "bin"

ZONE_IMAGE, DISK_IMAGE = (f"1111aaaa-0000-4000-8000-00000000000{number}" for number in (1, 2))
ZONE_MANIFEST = {"name": "base", "version": "1.0", "type": "zone-dataset", "os": "smartos"}
DISK_MANIFEST = {
    "name": "disk",
    "version": "1.0",
    "type": "zvol",
    "os": "linux",
    "nic_driver": "virtio",
    "disk_driver": "virtio",
    "cpu_type": "host",
    "image_size": 8,
}


class VmHost(GuestHost):
    """Its ``vmadm``, ``zoneadm`` and ``sysinfo`` are those of tests/vmhost."""

    def __init__(self, vm: Session) -> None:
        super().__init__(vm)
        self.environment |= {
            "PATH": f"{PROGRAMS}:/usr/sbin:/usr/bin:/sbin:/bin",
            "VMHOST_ROOT": f"{self.root}/vmhost",
        }
        # So that what is unmounted later, to be destroyed, is not kept by a machine's namespace.
        vm.check("mount --make-rshared /")

    def sh(self, script: str, *, timeout: float = 120) -> str:
        return self.vm.check(script, timeout=timeout, env=self.environment)

    def install_bases(self) -> None:
        """An image of each kind, as installed: a zone with a few files, a disk of 8 MiB."""
        self.sh(
            f"""
            zfs create zones/{ZONE_IMAGE} && cd /zones/{ZONE_IMAGE} &&
            mkdir -p root/etc root/var/svc config && echo base >root/etc/motd &&
            head -c 300000 /dev/urandom >root/random && ln -s motd root/etc/link &&
            echo '{{}}' >config/metadata.json && cd / &&
            zfs snapshot zones/{ZONE_IMAGE}@final &&
            zfs create -s -V 8M zones/{DISK_IMAGE}
            """
        )
        device = volume_device(self.vm, f"zones/{DISK_IMAGE}")
        self.sh(
            f"head -c 500000 /dev/urandom | dd of={device} bs=64k oflag=direct iflag=fullblock "
            f"conv=sync status=none && zfs snapshot zones/{DISK_IMAGE}@final"
        )
        for uuid, manifest in ((ZONE_IMAGE, ZONE_MANIFEST), (DISK_IMAGE, DISK_MANIFEST)):
            record = {"manifest": {"v": 2, "uuid": uuid, **manifest}, "zpool": "zones"}
            self.put_file(f"{self.root}/state/images/zones-{uuid}.json", json.dumps(record))

    def put_file(self, path: str, content: str) -> None:
        directory, _, _ = path.rpartition("/")
        self.vm.check(f"mkdir -p {directory} && cat >{path} <<'END'\n{content}\nEND")

    def create_vm(self, brand: str, **properties: Any) -> str:
        """The UUID of a new machine made of the image for its brand."""
        image = {"image_uuid": ZONE_IMAGE}
        if brand in ("kvm", "bhyve"):
            image = {"disks": [{"image_uuid": DISK_IMAGE}]}
        payload = json.dumps({"brand": brand, "autoboot": False, **image, **properties})
        self.sh(f"vmadm create <<'END'\n{payload}\nEND")
        return str(properties["uuid"])

    def get_vm(self, uuid: str) -> dict[str, Any]:
        return json.loads(self.sh(f"vmadm get {uuid}"))

    def update_vm(self, uuid: str, changes: dict[str, Any]) -> None:
        self.sh(f"vmadm update {uuid} <<'END'\n{json.dumps(changes)}\nEND")

    def run_sh(self, *words: str, stdin: str = "") -> tuple[int, str, str]:
        """Status, stdout and stderr of a program of this host."""
        script = f"{shlex.join(words)} <<'END'\n{stdin}\nEND"
        done = self.vm.run(script, env=self.environment)
        return done.status, done.stdout, done.stderr


@contextmanager
def vm_host(vm: Session) -> Iterator[VmHost]:
    """A host whose machines are gone at the end, so that its pool can be destroyed."""
    host = VmHost(vm)
    try:
        yield host
    finally:
        host.sh("for uuid in $(vmadm lookup); do vmadm stop -F $uuid || exit; done")
