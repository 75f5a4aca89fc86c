"""``imgadm sources``: where images come from."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from imgadm.base.errors import UsageError
from imgadm.cli.command import Command, ConfigurationUse, Context, Example
from imgadm.cli.options import SEPARATOR, Kind, Option, Options
from imgadm.cli.output.waiting import slow_source_warning, warn_of_waiting
from imgadm.cli.shared_options import HELP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imgadm.base.errors import ImgadmError
    from imgadm.operations.hosting.manage_sources import Ping
    from imgadm.state.source_config import SourceConfig

DOCKER_HUB = "https://docker.io"

OPTIONS = (
    HELP,
    Option(("-v", "--verbose"), "List type and TLS setting of each source too."),
    Option(("-j", "--json"), "List the sources as JSON."),
    SEPARATOR,
    Option(
        ("-a",),
        "Add a source, by its URL. Without a scheme that means https.",
        kind=Kind.TEXT,
        placeholder="<source>",
    ),
    Option(("-d",), "Delete the sources at a URL.", kind=Kind.TEXT, placeholder="<source>"),
    Option(("-e",), "Edit the sources in $VISUAL, $EDITOR or vi."),
    Option(("-c", "--check"), "Check whether the sources answer."),
    SEPARATOR,
    Option(
        ("-t", "--type"),
        "The type of the added source: imgapi (the default), dsapi, or docker, which is a Docker "
        "or OCI registry.",
        kind=Kind.TEXT,
        placeholder="<type>",
    ),
    Option(
        ("-k", "--insecure"),
        "Do not check the TLS certificate of the added source. Only with this option is a registry "
        "on another machine asked over plain http.",
    ),
    Option(("-f", "--force"), "Add or save sources without checking whether they answer."),
    Option(("--add-docker-hub",), "Add Docker Hub.", hidden=True),
)


def run(context: Context, options: Options, arguments: list[str]) -> int:
    if arguments:
        raise UsageError(f"unexpected args: {' '.join(arguments)}")
    added, kind = options.text("-a"), options.text("-t") or "imgapi"
    if options.flag("--add-docker-hub"):
        added, kind = DOCKER_HUB, "docker"
    deleted = options.text("-d")
    if sum(map(bool, (added, deleted, options.flag("-e"), options.flag("-c")))) > 1:
        raise UsageError('cannot specify more than one of "-a", "-d", "-e", and "-c"')
    for problem in context.loaded_configuration().problems:
        context.warn(problem)
    if added:
        _add(context, added, kind, options)
    elif deleted:
        _delete(context, deleted)
    elif options.flag("-e"):
        return _edit(context, options)
    elif options.flag("-c"):
        _check(context)
    else:
        _list(context, options)
    return 0


def _add(context: Context, url: str, kind: str, options: Options) -> None:
    from imgadm.cli.session import plain_http_warning
    from imgadm.operations.hosting.manage_sources import add_source
    from imgadm.state.source_config import SourceConfig

    source = SourceConfig.at(url, kind, insecure=True if options.flag("-k") else None)
    addition = add_source(
        context.settings,
        source,
        ping=_ping(context, options),
        on_wait=partial(warn_of_waiting, context),
    )
    if addition.added:
        print(f"Added {addition.source.display}")
        if warning := plain_http_warning(addition.source):
            context.warn(warning)
    else:
        print(f"Already have {addition.source.display}, no change")


def _delete(context: Context, url: str) -> None:
    from imgadm.base.redaction import redact_url
    from imgadm.operations.hosting.manage_sources import delete_sources

    deleted = delete_sources(context.settings, url, on_wait=partial(warn_of_waiting, context))
    for source in deleted:
        print(f"Deleted {source.display}")
    if not deleted:
        print(f'Do not have image source "{redact_url(url)}", no change')


def _edit(context: Context, options: Options) -> int:
    from imgadm.cli.source_editor import edit_sources

    return edit_sources(context, ping=_ping(context, options))


def _check(context: Context) -> None:
    from imgadm.cli.output.tables import cell_text, table
    from imgadm.cli.session import ping
    from imgadm.operations.hosting.manage_sources import check_sources

    sources = context.loaded_configuration().sources
    rows = [
        {
            **_row(check.source),
            "ok": check.error is None,
            "error": None if check.error is None else _named(check.error),
        }
        for check in check_sources(
            sources, ping=partial(ping, context), on_slow=slow_source_warning(context)
        )
    ]
    print(table(rows, ["url", "type", "ok", "error"], cell=cell_text), end="")


def _list(context: Context, options: Options) -> None:
    from imgadm.cli.output.listing import print_json
    from imgadm.cli.output.tables import table

    sources = context.loaded_configuration().sources
    if options.flag("-j"):
        print_json(_documents(sources))
    elif options.flag("-v"):
        print(table([_row(s) for s in sources], ["url", "type", "insecure"]), end="")
    else:
        for source in sources:
            print(source.url)


def _ping(context: Context, options: Options) -> Ping | None:
    from imgadm.cli.session import ping

    return None if options.flag("-f") else partial(ping, context)


def _row(source: SourceConfig) -> dict[str, object]:
    return {"url": source.url, "type": source.type, "insecure": source.insecure}


def _documents(sources: Sequence[SourceConfig]) -> list[dict[str, object]]:
    rows = map(_row, sources)
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def _named(error: ImgadmError) -> str:
    return f"{type(error).__name__}: {error.message}"


COMMAND = Command(
    name="sources",
    summary="List and edit image sources",
    synopses=(
        "sources [<options>]",
        "sources [-v | -j]",
        "sources -a <source> [-t <type>] [-k] [-f]",
        "sources -d <source>",
        "sources -e [-f]",
        "sources -c",
    ),
    description="List, add, delete, edit or check the servers that images come from. They are "
    "asked in the order of the list.",
    options=OPTIONS,
    run=run,
    configuration=ConfigurationUse.REQUIRED,
    examples=(
        Example("imgadm sources -a https://images.example.com", "Add a server, if it answers"),
        Example("imgadm sources -t docker -a https://docker.io", "Import from Docker Hub by name"),
        Example("imgadm sources -c", "Do all sources answer?"),
    ),
)
