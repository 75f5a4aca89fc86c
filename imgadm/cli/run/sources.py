"""The work of ``imgadm sources``: list, change and check the sources of images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from imgadm.base.errors import ImgadmError, UsageError
from imgadm.base.redaction import redact_url
from imgadm.cli.clients import plain_http_warning
from imgadm.cli.context import RunContext
from imgadm.cli.output.listing import print_json
from imgadm.cli.output.tables import cell_text, table
from imgadm.cli.output.waiting import slow_source_warning, warn_of_waiting
from imgadm.operations.hosting.manage_sources import (
    Ping,
    add_source,
    check_sources,
    delete_sources,
)
from imgadm.sources import ping_source
from imgadm.state.source_config import SourceConfig

_DOCKER_HUB = "https://docker.io"


def run(context: RunContext) -> int:
    """Do the one thing that the options ask for: add, delete, edit, check or list sources."""
    options = context.options
    if context.arguments:
        raise UsageError(f"unexpected args: {' '.join(context.arguments)}", synopsis_helps=True)
    added, kind = options.text("-a"), options.text("-t") or "imgapi"
    if options.flag("--add-docker-hub"):
        added, kind = _DOCKER_HUB, "docker"
    deleted = options.text("-d")
    if sum(map(bool, (added, deleted, options.flag("-e"), options.flag("-c")))) > 1:
        raise UsageError('cannot specify more than one of "-a", "-d", "-e", and "-c"')
    for problem in context.configuration.problems:
        context.warn(problem)
    if added:
        _add(context, added, kind)
    elif deleted:
        _delete(context, deleted)
    elif options.flag("-e"):
        return _edit(context)
    elif options.flag("-c"):
        _check(context)
    else:
        _list(context)
    return 0


def _add(context: RunContext, url: str, kind: str) -> None:
    source = SourceConfig.at(url, kind, insecure=True if context.options.flag("-k") else None)
    addition = add_source(
        context.settings,
        source,
        ping=_ping_of_new(context),
        on_wait=partial(warn_of_waiting, context),
    )
    if addition.added:
        print(f"Added {addition.source.display}")
        if warning := plain_http_warning(addition.source):
            context.warn(warning)
    else:
        print(f"Already have {addition.source.display}, no change")


def _delete(context: RunContext, url: str) -> None:
    deleted = delete_sources(context.settings, url, on_wait=partial(warn_of_waiting, context))
    for source in deleted:
        print(f"Deleted {source.display}")
    if not deleted:
        print(f'Do not have image source "{redact_url(url)}", no change')


def _edit(context: RunContext) -> int:
    # Only this branch starts a program, and what that needs takes time to load.
    from imgadm.cli.run.source_editor import edit_sources

    return edit_sources(context, ping=_ping_of_new(context))


def _check(context: RunContext) -> None:
    rows = [
        {
            **_row(check.source),
            "ok": check.error is None,
            "error": None if check.error is None else _named(check.error),
        }
        for check in check_sources(
            context.configuration.sources,
            ping=_ping(context),
            on_slow=slow_source_warning(context),
        )
    ]
    print(table(rows, ["url", "type", "ok", "error"], cell=cell_text), end="")


def _list(context: RunContext) -> None:
    sources = context.configuration.sources
    if context.options.flag("-j"):
        print_json(_documents(sources))
    elif context.options.flag("-v"):
        print(table([_row(s) for s in sources], ["url", "type", "insecure"]), end="")
    else:
        for source in sources:
            print(source.url)


def _ping(context: RunContext) -> Ping:
    """Return the check of one source: it raises SourcePingError unless the source answers."""
    return lambda config: ping_source(config, context.client_options())


def _ping_of_new(context: RunContext) -> Ping | None:
    """Return the check of a new source, None if the operator wants none."""
    return None if context.options.flag("-f") else _ping(context)


def _row(source: SourceConfig) -> dict[str, object]:
    return {"url": source.url, "type": source.type, "insecure": source.insecure}


def _documents(sources: Sequence[SourceConfig]) -> list[dict[str, object]]:
    rows = map(_row, sources)
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def _named(error: ImgadmError) -> str:
    return f"{type(error).__name__}: {error.message}"
