"""The work of ``imgadm serve``: offer images to other hosts over HTTP."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from imgadm.base.errors import UsageError
from imgadm.base.files.cache import Cache
from imgadm.base.files.secrets import read_token
from imgadm.base.redaction import redact_text
from imgadm.base.text import printable
from imgadm.cli.commands.serve import DEFAULT_ADDRESS
from imgadm.cli.context import RunContext
from imgadm.cli.options import Options
from imgadm.cli.output.sizes import parse_size
from imgadm.operations.hosting.host_images import InstalledCatalogue
from imgadm.serve import (
    MAX_UPLOAD_BYTES,
    AccessRecord,
    Catalogue,
    CombinedCatalogue,
    DigestStore,
    FolderCatalogue,
    ImageServer,
    KeptDigests,
    SkippedPair,
    WritableFolder,
    Writer,
    is_host_name,
)


def run(context: RunContext) -> int:
    """Serve until a signal ends the server."""
    options = context.options
    if options.flag("--writable"):
        return _run_writable(context)
    for name in ("--token-file", "--max-upload"):
        if options.text(name) is not None:
            raise UsageError(f"{name} needs -w,--writable")
    host_names = _host_names(options)
    catalogue = CombinedCatalogue(_catalogues(context))
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


def _run_writable(context: RunContext) -> int:
    options = context.options
    token_file = options.text("--token-file")
    token = None if token_file is None else read_token(Path(token_file), warn=context.warn)
    host, port = _address(options.text("-l") or DEFAULT_ADDRESS)
    host_names = _host_names(options)
    folder = _writable_folder(context)
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
                context.warn(f"image {image.manifest['uuid']} is in the folder, but not activated")
            _serve(context, server, len(folder.images()) - len(waiting), taking=True)
    return 0


def _serve(context: RunContext, server: ImageServer, count: int, *, taking: bool = False) -> None:
    """Print what is served, and wait until a signal ends the server."""
    if server.is_exposed:
        context.warn(f"everybody who can connect to {server.url} can download these images")
    also = ", and taking more" if taking else ""
    try:
        print(f"Serving {count} image{'' if count == 1 else 's'} at {server.url}{also}", flush=True)
        server.wait()
    except KeyboardInterrupt:
        print(file=sys.stderr)


def _writable_folder(context: RunContext) -> WritableFolder:
    """Return the only folder that the arguments name. Raises UsageError."""
    options, folders = context.options, context.arguments
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


def _catalogues(context: RunContext) -> list[Catalogue]:
    """Return the folders, and the installed images if they are wanted or there are no folders."""
    skipper = _skipper(context)
    catalogues: list[Catalogue] = [
        FolderCatalogue(folder, on_skip=skipper, digests=_digests(context, folder))
        for folder in map(_folder, context.arguments)
    ]
    if context.options.text("-P") or context.options.flag("-i") or not catalogues:
        catalogues.append(InstalledCatalogue(context.pools))
    return catalogues


def _digests(context: RunContext, folder: Path) -> DigestStore:
    return DigestStore(KeptDigests(Cache(context.settings.cache_directory), folder))


def _folder(typed: str) -> Path:
    """Return the folder that was typed. Raises UsageError if it does not exist."""
    folder = Path(typed)
    if not folder.is_dir():
        raise UsageError(f'folder does not exist: "{folder}"')
    return folder


def _skipper(context: RunContext) -> Callable[[SkippedPair], None]:
    return lambda pair: context.warn(
        f'not serving "{printable(str(pair.path))}": {printable(pair.reason)}'
    )


def _on_access(options: Options) -> Callable[[AccessRecord], None] | None:
    return None if options.flag("-q") else _print_access


def _address(text: str) -> tuple[str, int]:
    """Return host and port. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535 or not host:
        raise UsageError(f'invalid -l,--listen "{text}": must be <address>:<port>')
    return host.removeprefix("[").removesuffix("]"), int(port)


def _host_names(options: Options) -> Sequence[str]:
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
