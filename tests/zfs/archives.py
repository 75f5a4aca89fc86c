"""What archives of file systems hold, to be compared."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

from tests.stands.zfsvm import Session


def packed(vm: Session, directory: str) -> Path:
    """An archive of a directory of the guest; in the order in which the recorded ones were made."""
    archive = vm.exchange / "packed.tar"
    vm.check(f"tar --create --sort=name --file {archive} --directory {directory} .")
    return archive


def packed_machine(vm: Session, image: str) -> Path:
    """An archive of what a machine gets that is made of the dataset of an image.

    The root directory of the image itself is closed to all but root.
    """
    machine = f"{image.partition('/')[0]}/machine"
    vm.check(f"zfs clone {image}@final {machine}")
    archive = packed(vm, f"/{machine}")
    vm.check(f"zfs destroy {machine}")
    return archive


def members(archive: Path) -> dict[str, tuple[object, ...]]:
    """What a tar archive holds: everything of each member that a file system keeps, by its name."""
    with tarfile.open(archive) as tar:
        return {member.name: _facts(tar, member) for member in tar}


def _facts(tar: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[object, ...]:
    content = tar.extractfile(member) if member.isreg() else None
    digest = hashlib.sha256(content.read()).hexdigest() if content else None
    device = (member.devmajor, member.devminor)
    owner = (member.uid, member.gid)
    return member.type, member.mode, owner, int(member.mtime), member.linkname, device, digest
