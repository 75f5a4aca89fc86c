"""The disk that a command makes an image of."""

from __future__ import annotations

from urllib.parse import urlsplit

from requests import Session

from imgadm import streams
from imgadm.base.errors import UsageError
from imgadm.base.urls import server_address
from imgadm.cli.context import RunContext
from imgadm.cli.disk_options import DISK_BLOCK_SIZE, DISK_FORMAT
from imgadm.cli.options import Options
from imgadm.client.session import make_session
from imgadm.operations.disk_images import DiskToImage


def given_disk(options: Options) -> DiskToImage | None:
    """Return the disk that the options name, None without ``--disk``.

    Raises UsageError for an invalid format or block size.
    """
    location = options.text("--disk")
    format_, block_size = options.text("--format"), options.number("--block-size")
    if location is None:
        for option in (DISK_FORMAT, DISK_BLOCK_SIZE):
            if option.names[0].lstrip("-") in options.given():
                raise UsageError(f"{option.names[0]} describes a disk: name the disk with --disk")
        return None
    if not location:
        raise UsageError('invalid --disk "": must be a file or a block device')
    if format_ is not None and format_ not in streams.DISK_FORMATS:
        choices = ", ".join(f'"{choice}"' for choice in streams.DISK_FORMATS)
        raise UsageError(f'invalid --format "{format_}": must be one of {choices}')
    if block_size is not None and block_size not in streams.BLOCK_SIZES:
        raise UsageError(
            f'invalid --block-size "{block_size}": must be a power of two from '
            f"{streams.BLOCK_SIZES[0]} to {streams.BLOCK_SIZES[-1]}; larger blocks need features "
            "that not every pool has"
        )
    return DiskToImage(location, format_, block_size)


def session_for(context: RunContext, url: str) -> tuple[str, Session]:
    """Return ``url`` without its credentials, and a session that sends them.

    The session goes through the proxies of the environment.
    """
    credentials = server_address(url).credentials
    parts = urlsplit(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    session = make_session(
        context.client_options(), insecure=context.settings.insecure, credentials=credentials
    )
    return bare, session
