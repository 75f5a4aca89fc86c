"""The installation of packages for the machine, on Debian and Ubuntu, and of zfs.ko by dkms.

System-wide and once for a machine; doing it again changes nothing. Never waits for an answer.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .apt_sources import enable_contrib
from .needs import CannotRunError, missing_needs

COMMON = ("busybox-static", "cpio", "kmod", "qemu-system-x86", "util-linux", "zfsutils-linux")
KERNELS = {
    "debian": ("linux-image-cloud-amd64", "linux-headers-cloud-amd64"),
    "ubuntu": ("linux-image-virtual", "zstd"),
}
"""The guest's kernel. Ubuntu's comes with zfs.ko (as .zst); Debian's gets it from zfs-dkms."""

SEPARATE_VIRTIOFSD = "virtiofsd"
"""Newer releases have it in a package of its own, older ones in QEMU's."""

NON_INTERACTIVE = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1", "LC_ALL": "C"}
ATTEMPTS = 3
PAUSE_S = 10
LIMIT_S = 1800

Say = Callable[[str], None]


def install(say: Say) -> None:
    """Install what is missing; raises :class:`CannotRunError` where that is not enough.

    Takes about 5 minutes on two cores of Debian (most of it the build of zfs.ko), and no time
    where everything is there. `say` gets a line on each step.
    """
    if not missing_needs():
        return
    if os.geteuid() != 0:
        raise CannotRunError("not root: installing packages needs root's rights")
    system = _distribution()
    _apt_get(say, "update")
    if system == "debian" and (added := enable_contrib()):
        say(f"Debian's contrib component is enabled by {added}")
        _apt_get(say, "update")
    packages = [*KERNELS[system], *COMMON]
    if _is_available(SEPARATE_VIRTIOFSD):
        packages.append(SEPARATE_VIRTIOFSD)
    _apt_get(say, "install", *packages)
    if system == "debian":
        # After the kernel's headers, so that its installation builds the module for that kernel.
        _apt_get(say, "install", "dkms", "zfs-dkms")
        _build_modules(say)
    if missing := missing_needs():
        raise CannotRunError("; ".join(missing))


def _distribution() -> str:
    release = platform.freedesktop_os_release()
    for name in (release["ID"], *release.get("ID_LIKE", "").split()):
        if name in KERNELS:
            return name
    raise CannotRunError(f"{release['PRETTY_NAME']} is neither Debian nor Ubuntu: install by hand")


def _apt_get(say: Say, *arguments: str) -> None:
    command = [
        "apt-get",
        *("-o", "Acquire::Retries=5"),
        *("-o", "DPkg::Lock::Timeout=300"),
        *("--yes", "--no-install-recommends"),
        *arguments,
    ]
    for attempt in range(1, ATTEMPTS + 1):
        say(f"apt-get {' '.join(arguments)}")
        done = _run(command)
        if done.returncode == 0:
            return
        say(f"attempt {attempt} of {ATTEMPTS} failed: {_last_line(done)}")
        if attempt < ATTEMPTS:
            time.sleep(PAUSE_S)
    raise CannotRunError(f"apt-get {arguments[0]} failed: {_last_line(done)}")


def _is_available(package: str) -> bool:
    return _run(["apt-cache", "show", package]).returncode == 0


def _build_modules(say: Say) -> None:
    """Build zfs.ko for the guest kernels that the installation of zfs-dkms has left without."""
    for modules in sorted(Path("/lib/modules").glob("*-cloud-amd64")):
        if not any(modules.glob("updates/dkms/zfs.ko*")):
            say(f"dkms autoinstall -k {modules.name} (some minutes)")
            done = _run(["dkms", "autoinstall", "-k", modules.name])
            if done.returncode != 0:
                say(f"dkms failed, see /var/lib/dkms/zfs/*/build/make.log: {_last_line(done)}")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **NON_INTERACTIVE},
        text=True,
        errors="replace",
        check=False,
        timeout=LIMIT_S,
    )


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stdout.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
