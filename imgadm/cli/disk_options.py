"""Options of commands that make an image of a disk, and what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgadm.base.errors import UsageError
from imgadm.cli.options import Kind, Option, Options

if TYPE_CHECKING:
    from requests import Session

    from imgadm.cli.command import Context
    from imgadm.cli.output.create_view import CreateView
    from imgadm.operations.creating.plan_image import WantedImage
    from imgadm.operations.creating.save_image import Destination
    from imgadm.operations.disk_images import DiskToImage

CREATE_FROM = Option(
    ("--disk",),
    "Create the image from this disk, a file or block device, and not from a machine.",
    kind=Kind.TEXT,
    placeholder="<disk>",
)
INSTALL_FROM = Option(
    ("--disk",),
    "Install this disk: a file or block device, or a raw disk that comes from an http or https URL "
    "or through a pipe, as /dev/stdin does. A raw disk may be compressed.",
    kind=Kind.TEXT,
    placeholder="<disk>",
)
FORMAT = Option(
    ("--format",),
    'The format of the disk: "raw", "qcow2", "vmdk", "vhdx", "vpc" or "vdi". The default is told '
    "from its first and last bytes.",
    kind=Kind.TEXT,
    placeholder="<format>",
)
BLOCK_SIZE = Option(
    ("--block-size",),
    "The volblocksize of the volume, a power of two from 512 to 131072 bytes. The default is 8192, "
    "or that of the origin.",
    kind=Kind.POSITIVE_INTEGER,
    placeholder="<bytes>",
)


def given_disk(options: Options) -> DiskToImage | None:
    """The disk that the options name, None without; raises UsageError for a bad description."""
    location = options.text("--disk")
    format_, block_size = options.text("--format"), options.number("--block-size")
    if location is None:
        for option in (FORMAT, BLOCK_SIZE):
            if option.names[0].lstrip("-") in options.given():
                raise UsageError(f"{option.names[0]} describes a disk: name it with --disk")
        return None

    from imgadm import streams
    from imgadm.operations.disk_images import DiskToImage

    if not location:
        raise UsageError('invalid --disk "": must be a file or a block device')
    if format_ is not None and format_ not in streams.FORMATS:
        choices = ", ".join(f'"{choice}"' for choice in streams.FORMATS)
        raise UsageError(f'invalid --format "{format_}": must be one of {choices}')
    if block_size is not None and block_size not in streams.BLOCK_SIZES:
        raise UsageError(
            f'invalid --block-size "{block_size}": must be a power of two from '
            f"{streams.BLOCK_SIZES[0]} to {streams.BLOCK_SIZES[-1]}; larger blocks need features "
            "that not every pool has"
        )
    return DiskToImage(location, format_, block_size)


def create_from_disk(
    context: Context,
    options: Options,
    disk: DiskToImage,
    wanted: WantedImage,
    destination: Destination,
    view: CreateView,
) -> None:
    """Run ``imgadm create --disk``."""
    from imgadm.cli.shared_options import locks_for
    from imgadm.operations.creating.create_disk_image import CreateDiskOptions, create_disk_image
    from imgadm.operations.disk_images import is_url
    from imgadm.pools import open_pool

    if wanted.script is not None:
        raise UsageError("-s prepares a machine, and there is none with --disk")
    if is_url(disk.location):
        raise UsageError("--disk takes no URL here: save the disk to a file first")
    create_disk_image(
        lambda: open_pool(context.settings, options.text("-P") or None),
        CreateDiskOptions(
            disk=disk,
            wanted=wanted,
            locks=locks_for(context, options),
        ),
        destination,
        view,
    )


def session_for(context: Context, url: str) -> tuple[str, Session]:
    """A URL without its credentials, and the session that has them and knows the proxies."""
    from urllib.parse import urlsplit

    from imgadm.base.urls import server_address
    from imgadm.cli.session import client_options
    from imgadm.client.session import make_session

    credentials = server_address(url).credentials
    parts = urlsplit(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    session = make_session(
        client_options(context), insecure=context.settings.insecure, credentials=credentials
    )
    return bare, session
