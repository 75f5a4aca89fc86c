"""The declaration of ``imgadm install``."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example
from imgadm.cli.disk_options import DISK_BLOCK_SIZE, DISK_FORMAT, INSTALL_FROM
from imgadm.cli.shared_options import (
    EVENTS,
    FILE,
    HELP,
    MANIFEST,
    NO_WAIT,
    POOL,
    QUIET,
)

COMMAND = Command(
    name="install",
    summary="Install an image from local files, or a disk",
    synopses=(
        "install [<options>] -m <manifest> -f <file>",
        "install [<options>] --disk <disk> <field>=<value>...",
    ),
    description="Install an image from its manifest and its file, a ZFS stream that may be "
    "compressed. Neither file is changed. The image that it is based on must be installed.\n\nWith "
    "--disk, a disk becomes an image of type zvol in one pass, without a temporary file. Its "
    "manifest is made of the given fields, which must include name, version and os; -m may name a "
    "file with further fields.",
    options=(
        HELP,
        MANIFEST,
        FILE,
        INSTALL_FROM,
        DISK_FORMAT,
        DISK_BLOCK_SIZE,
        POOL,
        QUIET,
        EVENTS,
        NO_WAIT,
    ),
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example(
            "imgadm install -m debian.imgmanifest -f debian.zvol.gz",
            "Install from files of a mirror",
        ),
        Example(
            "imgadm install --disk https://example.com/debian-12.raw.xz "
            "name=debian version=12 os=linux",
            "A disk from the web, straight into the pool",
        ),
    ),
)
