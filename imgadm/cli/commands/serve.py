"""``imgadm serve``: offer images to other hosts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from imgadm.cli.command import Command, ConfigurationUse, Context, Example
from imgadm.cli.options import Kind, Option, Options
from imgadm.cli.shared_options import HELP, POOL
from imgadm.errors import UsageError

if TYPE_CHECKING:
    from imgadm.serve import AccessRecord, Catalogue, SkippedPair

DEFAULT_ADDRESS = "127.0.0.1:8080"

LISTEN = Option(
    ("-l", "--listen"),
    f"Where to listen; the default is {DEFAULT_ADDRESS}, which only this host can reach. There is "
    "no access control: whoever can connect can fetch everything that is served.",
    kind=Kind.TEXT,
    placeholder="<address>:<port>",
)
INSTALLED = Option(("-i", "--installed"), "Serve the installed images next to those in folders.")
QUIET = Option(("-q", "--quiet"), "Print nothing about requests.")


def run(context: Context, options: Options, arguments: list[str]) -> int:
    from imgadm.serve import CombinedCatalogue, ImageServer

    host, port = _address(options.text("-l") or DEFAULT_ADDRESS)
    quiet = options.flag("-q")
    catalogue = CombinedCatalogue(_catalogues(context, options, arguments))
    with ImageServer(catalogue, host, port, on_access=None if quiet else _print_access) as server:
        if server.is_exposed:
            context.warn(f"everybody who can connect to {server.url} can fetch these images")
        count = len(catalogue.images())
        print(f"Serving {count} image{'' if count == 1 else 's'} at {server.url}", flush=True)
        try:
            server.wait()
        except KeyboardInterrupt:
            print(file=sys.stderr)
    return 0


def _catalogues(context: Context, options: Options, folders: list[str]) -> list[Catalogue]:
    from pathlib import Path

    from imgadm.operations.host_images import InstalledCatalogue
    from imgadm.pools import host_pools, open_pool
    from imgadm.serve import FolderCatalogue

    def skipped(pair: SkippedPair) -> None:
        context.warn(f'not serving "{pair.path}": {pair.reason}')

    catalogues: list[Catalogue] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise UsageError(f'folder does not exist: "{folder}"')
        catalogues.append(FolderCatalogue(folder, on_skip=skipped))
    pool = options.text("-P") or None
    if pool is not None or options.flag("-i") or not folders:
        settings = context.settings
        catalogues.append(
            InstalledCatalogue(
                lambda: [open_pool(settings, pool)] if pool else host_pools(settings)
            )
        )
    return catalogues


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535 or not host:
        raise UsageError(f'invalid -l,--listen "{text}": must be <address>:<port>')
    return host.removeprefix("[").removesuffix("]"), int(port)


def _print_access(record: AccessRecord) -> None:
    print(
        f"{record.client} {record.method} {record.target} {record.status} "
        f"{record.sent} bytes {record.seconds:.3f} s",
        file=sys.stderr,
        flush=True,
    )


COMMAND = Command(
    name="serve",
    summary="Serve images to other hosts, read-only",
    synopses=("serve [<options>] [<folder>...]",),
    description="Offer images over HTTP, as an image server that imgadm sources -a can add. With "
    "folders, the pairs of manifest (NAME.imgmanifest) and file (NAME.zvol.gz, NAME.zfs.xz and so "
    "on) in them; without, the images that are installed on this host. Images of zpools are sent "
    "as zfs send makes them: import those with --zstream. Ends with Ctrl-C.",
    options=(HELP, LISTEN, INSTALLED, POOL, QUIET),
    run=run,
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example("imgadm serve /export/images", "Serve a folder to this host"),
        Example("imgadm serve -l 192.0.2.1:8080 -P /images", "Serve a directory pool to others"),
    ),
)
