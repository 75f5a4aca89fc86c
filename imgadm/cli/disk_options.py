"""Options of the commands that make an image of a disk."""

from __future__ import annotations

from imgadm.cli.options import Option, OptionKind

CREATE_FROM = Option(
    ("--disk",),
    "Create the image from this disk, a file or a block device, instead of a machine.",
    kind=OptionKind.TEXT,
    placeholder="<disk>",
)
INSTALL_FROM = Option(
    ("--disk",),
    "Install this disk: a file, a block device, or the http or https URL of a raw disk. "
    "/dev/stdin takes a raw disk from a pipe. A raw disk may be compressed.",
    kind=OptionKind.TEXT,
    placeholder="<disk>",
)
DISK_FORMAT = Option(
    ("--format",),
    'The format of the disk: "raw", "qcow2", "vmdk", "vhdx", "vpc" or "vdi". Without this option, '
    "imgadm recognizes the format by the first and the last bytes of the disk.",
    kind=OptionKind.TEXT,
    placeholder="<format>",
)
DISK_BLOCK_SIZE = Option(
    ("--block-size",),
    "The volblocksize of the volume, a power of two from 512 to 131072 bytes. The default is 8192, "
    "or that of the origin.",
    kind=OptionKind.POSITIVE_INTEGER,
    placeholder="<bytes>",
)
