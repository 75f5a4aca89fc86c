"""The initial file system of the guest: busybox, kernel modules, and the two programs in guest/.

A cpio archive in the newc format (Linux, Documentation/driver-api/early-userspace/buffer-format),
kept in the cache under a name that changes with anything that goes in.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from .needs import Kernel, Module, program

GUEST = Path(__file__).parent / "guest"
CACHE = Path(__file__).parents[3] / ".cache" / "zfsvm"

MODULE_OPTIONS = {"zfs": "zfs_arc_max=536870912"}
"""Options beyond modprobe.d's: a cache of 512 MiB, for the pool itself lies in memory too."""

DECODERS = {".xz": ("xz", "-dc"), ".zst": ("zstd", "-dc"), ".gz": ("gzip", "-dc")}
"""Programs for modules that the distribution compresses: busybox's insmod takes plain ones."""

DIRECTORIES = ("bin", "dev", "modules", "proc", "sys")


def initramfs(kernel: Kernel) -> Path:
    """The archive for that kernel, from the cache or made now (under a second)."""
    archive = CACHE / f"initramfs-{kernel.version}-{_fingerprint(kernel)}.cpio"
    if archive.exists():
        return archive
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as room:
        tree, made = Path(room, "tree"), Path(room, "made")
        _lay_out(tree, kernel)
        _pack(tree, made)
        for old in CACHE.glob(f"initramfs-{kernel.version}-*.cpio"):
            old.unlink(missing_ok=True)
        made.replace(archive)
    return archive


def _fingerprint(kernel: Kernel) -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for script in sorted(GUEST.iterdir()):
        digest.update(script.read_bytes())
    for path in (Path(program("busybox")), *(module.path for module in kernel.modules)):
        status = path.stat()
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    for module in kernel.modules:
        digest.update(module.options.encode())
    return digest.hexdigest()[:12]


def _lay_out(tree: Path, kernel: Kernel) -> None:
    for name in DIRECTORIES:
        (tree / name).mkdir(parents=True)
    shutil.copy(program("busybox"), tree / "bin" / "busybox")
    for name in ("init", "agent"):
        shutil.copy(GUEST / name, tree / name)
        (tree / name).chmod(0o755)
    order = [_add_module(module, tree / "modules") for module in kernel.modules]
    (tree / "modules" / "order").write_text("".join(order))


def _add_module(module: Module, directory: Path) -> str:
    """Copy a module, decompressed; returns its line in the load order."""
    name = module.path.name.partition(".")[0]
    target = directory / f"{name}.ko"
    if decoder := DECODERS.get(module.path.suffix):
        with target.open("wb") as output:
            subprocess.run([*decoder, str(module.path)], stdout=output, check=True)
    else:
        shutil.copy(module.path, target)
    return f"{name}.ko {module.options} {MODULE_OPTIONS.get(name, '')}".rstrip() + "\n"


def _pack(tree: Path, archive: Path) -> None:
    names = sorted(str(path.relative_to(tree)) for path in tree.rglob("*"))
    with archive.open("wb") as output:
        subprocess.run(
            [program("cpio"), "--quiet", "--create", "--format=newc", "--owner=0:0"],
            input="\n".join(names).encode(),
            stdout=output,
            cwd=tree,
            check=True,
        )
