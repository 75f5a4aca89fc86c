"""What an independent program makes of the same image, to compare with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests import trees
from tests.e2e.imports.host import Host


def by_others(directory: Path, name: str, platform: str = "linux/amd64") -> Path:
    """The root that ``skopeo copy`` and ``umoci unpack`` make of the image ``name``."""
    plain, layout, bundle = (directory / part for part in ("plain", "copied", "bundle"))
    _, architecture, *variants = platform.split("/")
    choice = ["--override-os=linux", f"--override-arch={architecture}"]
    choice += [f"--override-variant={variant}" for variant in variants]
    copy = ["skopeo", "--insecure-policy", *choice, "copy", "-q", "--src-tls-verify=false"]
    # umoci knows no zstd.
    _run(*copy, "--dest-decompress", f"docker://{name}", f"dir:{plain}")
    _run(*copy, f"dir:{plain}", f"oci:{layout}:it")
    rootless = [] if os.geteuid() == 0 else ["--rootless"]
    _run("umoci", "unpack", *rootless, "--image", f"{layout}:it", str(bundle))
    return bundle / "rootfs"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"


def root_of(host: Host, uuid: str) -> Path:
    return host.pool / uuid / "root"


def assert_same(ours: Path, theirs: Path, *, owners: bool = True) -> None:
    """Every name, type, mode, owner, time, link, device, attribute and content is the same."""
    described = [
        trees.describe(root, owners=owners, directory_times=False) for root in (ours, theirs)
    ]
    assert described[0] == described[1]
