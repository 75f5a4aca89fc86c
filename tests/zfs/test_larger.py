"""The disk of a real file system, some 100 MB, from its maker's pool to its user's."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.imports.images import make_image
from tests.stands.zfsvm import send_disk, volume_digests

from .guest_host import GuestHost, Shelf, only

MB = 1_000_000
CONTENT = 100 * MB
DISK = "160M"


def real_files(limit: int) -> Iterator[Path]:
    """Files of this host, `limit` bytes of them: programs first, as a system's image has them."""
    for directory in ("/usr/bin", "/usr/lib"):
        for parent, directories, names in os.walk(directory):
            directories.sort()
            for path in (Path(parent, name) for name in sorted(names)):
                if not path.is_symlink() and 0 < path.stat().st_size < 8 * MB:
                    limit -= path.stat().st_size
                    if limit < 0:
                        return
                    yield path


@pytest.fixture
def disks(tmp_path: Path) -> tuple[Path, Path]:
    """An ext4 file system with real files, and the same with one of them replaced, one added."""
    tree = tmp_path / "tree"
    for path in real_files(CONTENT):
        copy = tree / path.relative_to("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    base, changed = tmp_path / "base.raw", tmp_path / "changed.raw"
    mke2fs = ["/sbin/mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(base), DISK]
    subprocess.run(mke2fs, check=True)
    subprocess.run(["cp", "--sparse=always", base, changed], check=True)
    largest = max(tree.rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    inside = "/" + str(largest.relative_to(tree))
    edits = f"rm {inside}\nwrite {largest} {inside}\nwrite /etc/passwd /added\n"
    subprocess.run(
        ["/sbin/debugfs", "-w", "-f", "-", str(changed)],
        input=edits.encode(),
        check=True,
        capture_output=True,
    )
    return base, changed


@pytest.mark.timeout(1500)
def test_file_system_of_real_files(
    disks: tuple[Path, Path], host: GuestHost, shelf: Shelf, url: str
) -> None:
    base, changed = disks
    streams = [
        send_disk(host.vm, base, "zones/maker"),
        send_disk(host.vm, changed, "zones/changed", origin=("zones/maker", base)),
    ]
    host.vm.check("zfs destroy -R zones/maker")
    full, incremental = (stream.read_bytes() for stream in streams)
    assert len(full) > CONTENT * 0.9
    gzipped = make_image("larger-gzip", full, "gzip")
    xzipped = make_image("larger-xz", full, "xz")
    on_top = make_image("larger-change", incremental, "zstd", origin=gzipped)
    shelf.put(gzipped, xzipped, on_top)

    for image in (xzipped, on_top):
        done = host.run("import", "-S", url, image.uuid)
        assert (done.status, done.stderr) == (0, "")
    assert host.traces() == only(gzipped, xzipped, on_top)
    wanted = [hashlib.sha256(disk.read_bytes()).hexdigest() for disk in (base, base, changed)]
    images = (gzipped, xzipped, on_top)
    assert volume_digests(host.vm, *(f"zones/{image.uuid}" for image in images)) == wanted
