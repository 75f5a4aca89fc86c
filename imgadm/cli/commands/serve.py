"""``imgadm serve``: offer images to other hosts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imgadm.base.errors import UsageError
from imgadm.base.redaction import redact_text
from imgadm.base.text import printable
from imgadm.cli.command import Command, ConfigurationUse, Context, Example
from imgadm.cli.options import Kind, Option, Options
from imgadm.cli.output.sizes import parse_size
from imgadm.cli.shared_options import HELP, POOL

if TYPE_CHECKING:
    from imgadm.serve import (
        AccessRecord,
        Catalogue,
        DigestStore,
        ImageServer,
        SkippedPair,
        WritableFolder,
    )

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
WRITABLE = Option(
    ("-w", "--writable"),
    "Take images too, as imgadm publish sends them, into the one folder that is served. Without "
    "--token-file only where no other host can connect.",
)
TOKEN_FILE = Option(
    ("--token-file",),
    "A file with a token that whoever changes images has to show (Authorization: Bearer TOKEN): "
    "16 letters and digits or more, on one line.",
    kind=Kind.TEXT,
    placeholder="<path>",
)
MAX_UPLOAD = Option(
    ("--max-upload",),
    "The largest image file to take, such as 512M; the default is 20G.",
    kind=Kind.TEXT,
    placeholder="<size>",
)
HOST_NAME = Option(
    ("--host-name",),
    "A name by which clients may call this server, besides its addresses and localhost; may be "
    "given several times. A server that only this host can reach answers to no other names. Where "
    "other hosts can connect, it answers to any name unless this is given.",
    kind=Kind.TEXTS,
    placeholder="<name>",
)


def run(context: Context, options: Options, arguments: list[str]) -> int:
    from imgadm.serve import CombinedCatalogue, ImageServer

    if options.flag("--writable"):
        return _run_writable(context, options, arguments)
    for option in (TOKEN_FILE, MAX_UPLOAD):
        if options.text(option.names[0]) is not None:
            raise UsageError(f"{option.names[0]} makes sense only with -w,--writable")
    host_names = _host_names(options)
    catalogue = CombinedCatalogue(_catalogues(context, options, arguments))
    host, port = _address(options.text("-l") or DEFAULT_ADDRESS)
    server = ImageServer(
        catalogue,
        host,
        port,
        host_names=host_names,
        on_access=_on_access(options),
    )
    with server:
        _serve(context, server, len(catalogue.images()))
    return 0


def _run_writable(context: Context, options: Options, folders: list[str]) -> int:
    from imgadm.base.files.secrets import read_token
    from imgadm.serve import ImageServer, Writer

    token_file = options.text("--token-file")
    token = None if token_file is None else read_token(Path(token_file), warn=context.warn)
    host, port = _address(options.text("-l") or DEFAULT_ADDRESS)
    host_names = _host_names(options)
    folder = _writable_folder(context, options, folders)
    with folder.opened():
        server = ImageServer(
            folder,
            host,
            port,
            writer=Writer(folder, token),
            host_names=host_names,
            on_access=_on_access(options),
        )
        if server.is_exposed and token is None:
            server.stop()
            raise UsageError(
                f"everybody who can connect to {server.host} could change these images: "
                "--writable needs --token-file there"
            )
        with server:
            waiting = folder.unactivated()
            for image in waiting:
                context.warn(f"image {image.manifest['uuid']} is here, but not activated")
            _serve(context, server, len(folder.images()) - len(waiting), taking=True)
    return 0


def _serve(context: Context, server: ImageServer, count: int, *, taking: bool = False) -> None:
    """Tell what is served, until somebody ends it."""
    if server.is_exposed:
        context.warn(f"everybody who can connect to {server.url} can fetch these images")
    also = ", and taking more" if taking else ""
    try:
        print(f"Serving {count} image{'' if count == 1 else 's'} at {server.url}{also}", flush=True)
        server.wait()
    except KeyboardInterrupt:
        print(file=sys.stderr)


def _writable_folder(context: Context, options: Options, folders: list[str]) -> WritableFolder:
    from imgadm.serve import MAX_UPLOAD_BYTES, WritableFolder

    if len(folders) != 1 or options.text("-P") or options.flag("-i"):
        raise UsageError("--writable takes one folder, and neither -i nor -P")
    most = options.text("--max-upload")
    size = MAX_UPLOAD_BYTES if most is None else parse_size(most)
    if not size:
        raise UsageError(f'invalid --max-upload "{most}": must be a size such as 512M or 20G')
    folder = _folder(folders[0])
    return WritableFolder(
        folder, _skipper(context), max_upload=size, digests=_digests(context, folder)
    )


def _catalogues(context: Context, options: Options, folders: list[str]) -> list[Catalogue]:
    from imgadm.operations.hosting.host_images import InstalledCatalogue
    from imgadm.pools import host_pools, open_pool
    from imgadm.serve import FolderCatalogue

    skipper = _skipper(context)
    catalogues: list[Catalogue] = [
        FolderCatalogue(folder, on_skip=skipper, digests=_digests(context, folder))
        for folder in map(_folder, folders)
    ]
    pool = options.text("-P") or None
    if pool is not None or options.flag("-i") or not folders:
        settings = context.settings
        catalogues.append(
            InstalledCatalogue(
                lambda: [open_pool(settings, pool)] if pool else host_pools(settings)
            )
        )
    return catalogues


def _digests(context: Context, folder: Path) -> DigestStore:
    from imgadm.base.files.cache import Cache
    from imgadm.serve import DigestStore, KeptDigests

    return DigestStore(KeptDigests(Cache(context.settings.cache_directory), folder))


def _folder(typed: str) -> Path:
    folder = Path(typed)
    if not folder.is_dir():
        raise UsageError(f'folder does not exist: "{folder}"')
    return folder


def _skipper(context: Context) -> Callable[[SkippedPair], None]:
    return lambda pair: context.warn(
        f'not serving "{printable(str(pair.path))}": {printable(pair.reason)}'
    )


def _on_access(options: Options) -> Callable[[AccessRecord], None] | None:
    return None if options.flag("-q") else _print_access


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535 or not host:
        raise UsageError(f'invalid -l,--listen "{text}": must be <address>:<port>')
    return host.removeprefix("[").removesuffix("]"), int(port)


def _host_names(options: Options) -> Sequence[str]:
    from imgadm.serve import is_host_name

    names = options.texts("--host-name")
    for name in names:
        if not is_host_name(name):
            raise UsageError(
                f'invalid --host-name "{name}": must be a name such as images.example.com, or an '
                "address, without a port"
            )
    return names


def _print_access(record: AccessRecord) -> None:
    request = printable(redact_text(f"{record.method} {record.target}"))
    print(
        f"{record.client} {request} {record.status} {record.sent} bytes {record.seconds:.3f} s",
        file=sys.stderr,
        flush=True,
    )


COMMAND = Command(
    name="serve",
    summary="Serve images to other hosts",
    synopses=("serve [<options>] [<folder>...]", "serve -w [<options>] <folder>"),
    description="Offer images over HTTP, as an image server that imgadm sources -a can add. With "
    "folders, the pairs of manifest (NAME.imgmanifest) and file (NAME.zvol.gz, NAME.zfs.xz and so "
    "on) in them; without, the images that are installed on this host. Images of zpools are sent "
    "as zfs send makes them: import those with --zstream. Nothing can be changed over HTTP unless "
    "--writable says so. Ends with Ctrl-C.",
    options=(HELP, LISTEN, INSTALLED, POOL, QUIET, WRITABLE, TOKEN_FILE, MAX_UPLOAD, HOST_NAME),
    run=run,
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example("imgadm serve /export/images", "Serve a folder to this host"),
        Example("imgadm serve -l 192.0.2.1:8080 -P /images", "Serve a directory pool to others"),
        Example(
            "imgadm serve -w -l 192.0.2.1:8080 --token-file /etc/imgadm-token /export/images",
            "Let those who know the token publish images",
        ),
    ),
)
