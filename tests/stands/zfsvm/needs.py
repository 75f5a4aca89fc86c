"""The needs of the virtual machine, and the check whether the host has them."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MODULES = (
    "virtio_pci",
    "virtio_console",
    "virtiofs",
    "overlay",
    "loop",
    "zfs",
)
"""Kernel modules of the guest, each loaded after those it depends on."""

PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "cpio": "cpio",
    "modprobe": "kmod",
    "setpriv": "util-linux",
    "zfs": "zfsutils-linux",
    "zpool": "zfsutils-linux",
}
"""Programs of the host and the Debian package of each; the guest runs the last two."""

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
VIRTIOFSD_PLACES = (Path("/usr/lib/qemu/virtiofsd"), Path("/usr/libexec/virtiofsd"))
ZVOL_ID = Path("/lib/udev/zvol_id")


class CannotRunError(Exception):
    """The host lacks something that the machine needs; the text names it and what to do."""


@dataclass(frozen=True)
class Module:
    """A kernel module: its file and the options that the host's modprobe.d gives it."""

    path: Path
    options: str


@dataclass(frozen=True)
class Kernel:
    """A kernel of the host that the guest can boot, with its modules in load order."""

    version: str
    image: Path
    modules: tuple[Module, ...]


def program(name: str) -> str:
    """The path of a program of the host; raises :class:`CannotRunError` where it is missing."""
    path = shutil.which(name, path=SYSTEM_PATH)
    if path is None:
        raise CannotRunError(f"program {name} not found (package {PROGRAMS[name]})")
    return path


def virtiofsd() -> Path:
    """The daemon that shares a directory with the guest: QEMU's own in C, or its heir in Rust."""
    for path in VIRTIOFSD_PLACES:
        if path.exists():
            return path
    raise CannotRunError("program virtiofsd not found (package virtiofsd, or qemu-system-common)")


def find_kernel() -> Kernel:
    """The newest kernel of the host that has every module of :data:`MODULES`, zfs included."""
    images = sorted(Path("/boot").glob("vmlinuz-*"), key=_version_order, reverse=True)
    problems = []
    for image in images:
        version = image.name.removeprefix("vmlinuz-")
        try:
            return Kernel(version, image, modules_of(version))
        except CannotRunError as problem:
            problems.append(str(problem))
    raise CannotRunError(
        "; ".join(problems) or "no kernel in /boot (package linux-image-cloud-amd64)"
    )


def modules_of(version: str, names: tuple[str, ...] = MODULES) -> tuple[Module, ...]:
    """The module files that `names` need, in load order, for the kernel of that version."""
    modules: dict[Path, Module] = {}
    for name in names:
        shown = subprocess.run(
            [program("modprobe"), "-S", version, "--show-depends", name],
            capture_output=True,
            text=True,
            check=False,
        )
        if shown.returncode != 0:
            raise CannotRunError(f"kernel {version} has no module {name}")
        for line in shown.stdout.splitlines():
            action, *rest = line.split(maxsplit=2)
            if action == "insmod":
                path = Path(rest[0])
                modules.setdefault(path, Module(path, " ".join(rest[1:])))
    return tuple(modules.values())


def missing_needs() -> list[str]:
    """Everything that keeps the machine from running here, one line each; empty: it can run."""
    missing = []
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return [f"the host is {platform.system()} {platform.machine()}, not Linux x86_64"]
    if os.geteuid() != 0:
        missing.append("not root: sharing the host's file system needs root's rights")
    for check in (*(_finds(name) for name in PROGRAMS), virtiofsd, find_kernel):
        try:
            check()
        except CannotRunError as problem:
            missing.append(str(problem))
    if not ZVOL_ID.exists():
        missing.append(f"{ZVOL_ID} not found (package zfsutils-linux)")
    return missing


def _finds(name: str) -> Callable[[], str]:
    return lambda: program(name)


def _version_order(path: Path) -> list[tuple[int, str]]:
    return [
        (int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name)
    ]
