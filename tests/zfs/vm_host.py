"""A host with machines: the stand-in for vmadm in the guest, images and machines on its pool."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.stands.zfsvm import Session
from tests.stands.zfsvm.pool import volume_devices

from .guest_host import GuestHost, Shelf

PROGRAMS = Path(__file__).parents[1] / "stands" / "vmhost" / "bin"
TRAPS = PROGRAMS.parent / "traps"

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

PREPARED_OFFSET = 64 * 1024
SECRET = "of-the-operator-only"
PREPARE = f"""#!/bin/sh
# {SECRET}
mdata-put prepare-image:state running
rm -f "$0"
CHANGE
mdata-put prepare-image:state success
poweroff
"""
PREPARE_ZONE = PREPARE.replace("CHANGE", "echo prepared >/etc/motd; echo new >/etc/prepared")
PREPARE_DISK = PREPARE.replace(
    "CHANGE", "printf prepared | dd of=$DISK0 seek=1 bs=64k conv=notrunc,fsync status=none"
)
"""What a script does that prepares a machine, and the copy of it that the guest made is removed."""

# Everything of machines that must be the same after an image was made of them: what vmadm tells,
# datasets, and the contents of zones, whose metadata may have been written anew.
PICTURE = """
vmadm lookup -j
zfs list -Hp -r -t all -o name,type,origin,guid,quota,refquota,refreservation zones
for zone in $(vmadm lookup); do
    cd /zones/$zone && find . -printf '%p %y %m %u %g %l\n' | sort
    find . -type f -exec md5sum {} + | sort
done
"""


class VmHost(GuestHost):
    """Its ``vmadm``, ``zoneadm`` and ``sysinfo`` are those of tests/stands/vmhost."""

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
        (device,) = volume_devices(self.vm, f"zones/{DISK_IMAGE}")
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

    def create_vms(self, *machines: dict[str, Any]) -> None:
        """Make machines of the image for their brand, all at the same time."""
        script = []
        for machine in machines:
            image: dict[str, Any] = {"image_uuid": ZONE_IMAGE}
            if machine["brand"] in ("kvm", "bhyve"):
                image = {"disks": [{"image_uuid": DISK_IMAGE}]}
            payload = json.dumps({"autoboot": False, **image, **machine})
            script.append(f"vmadm create <<'END' &\n{payload}\nEND")
        self.sh("\n".join([*script, *("wait -n || exit" for _ in machines)]))

    def put_scripts(self, *scripts: str) -> list[str]:
        """Paths of files with these contents."""
        paths = [f"{self.root}/script-{number}" for number in range(len(scripts))]
        for path, script in zip(paths, scripts, strict=True):
            self.put_file(path, script)
        return paths

    def write_disks(self, *volumes: str) -> None:
        """Write something else to each of the volumes."""
        for volume, device in zip(volumes, volume_devices(self.vm, *volumes), strict=True):
            self.sh(f"echo {volume} | dd of={device} seek=3 bs=64k conv=notrunc,fsync status=none")

    def fill_quota(self, zone: str, volume: str) -> None:
        """Leave the zone so little room that its volume can't even get a snapshot."""
        (device,) = volume_devices(self.vm, volume)
        self.sh(
            f"dd if=/dev/urandom of={device} seek=4 bs=1M count=2 oflag=direct status=none && "
            "zpool sync zones && "
            f"zfs set quota=$(($(zfs get -Hp -o value used {zone}) + 524288)) {zone}"
        )

    def export_bases(self, shelf: Shelf) -> list[tuple[str, str, str, str]]:
        """Put the images that machines are made of where they are served from.

        Returns the options that name the manifest and the file of each.
        """
        pairs = []
        for uuid, manifest in ((ZONE_IMAGE, ZONE_MANIFEST), (DISK_IMAGE, DISK_MANIFEST)):
            stream = shelf.path / f"{uuid}.zsend"
            self.sh(f"zfs send zones/{uuid}@final >{stream}")
            content = stream.read_bytes()
            sha1 = hashlib.sha1(content).hexdigest()
            file = {"compression": "none", "size": len(content), "sha1": sha1}
            whole = {"v": 2, "uuid": uuid, **manifest, "files": [file]}
            path = shelf.path / f"{uuid}.imgmanifest"
            path.write_text(json.dumps(whole))
            pairs.append(("-m", str(path), "-f", str(stream)))
        return pairs

    def picture(self) -> str:
        return self.sh(PICTURE)

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
        host.sh("for uuid in $(vmadm lookup state=running); do vmadm stop -F $uuid || exit; done")
