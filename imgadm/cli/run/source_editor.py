"""The list of sources as a text in the editor of the operator: ``imgadm sources -e``."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from imgadm.base.errors import ConfigError, FileSystemError, ImgadmError, InternalError, UsageError
from imgadm.base.programs.programs import run_on_terminal
from imgadm.base.redaction import SecretUrl
from imgadm.cli.clients import plain_http_warning
from imgadm.cli.context import RunContext
from imgadm.cli.output.waiting import warn_of_waiting
from imgadm.operations.hosting.manage_sources import Ping, Replacement, replace_sources
from imgadm.state.source_config import SourceConfig
from imgadm.state.source_rules import SOURCE_TYPES

_WIDEST_URL = 50
_INSTRUCTIONS = """
# One image source per line, in the order in which imgadm asks them:
#
#   URL TYPE [OPTIONS]
#
# TYPE is imgapi (the default), dsapi or docker. The option "insecure" turns off
# the check of the TLS certificate. imgadm ignores everything after a #.
# *** stands for a password or token. Leave it to keep the password or token.
#
"""


def edit_sources(context: RunContext, *, ping: Ping | None) -> int:
    """Let the operator edit the sources, save them, and print the changes.

    Returns the exit status. ``ping`` checks each new source, None for no check. After a mistake at
    a terminal, the operator may return to the editor. Without a terminal, or if the operator
    declines, the mistake is raised as an ImgadmError, and nothing is saved.
    """
    shown = buffer_text(context.configuration.sources)
    text = shown
    while True:
        status, text = _run_editor(text)
        if status:
            print(f"Error editing image sources: {status} (ignoring)", file=sys.stderr)
            return 0
        if text == shown:
            print("Image sources unchanged")
            return 0
        try:
            wanted = parse_buffer(text, known=context.configuration.sources)
            replacement = replace_sources(
                context.settings, wanted, ping=ping, on_wait=partial(warn_of_waiting, context)
            )
        except ImgadmError as error:
            if not _wants_to_edit_again(error):
                raise
        else:
            _tell(context, replacement)
            return 0


def buffer_text(sources: Sequence[SourceConfig]) -> str:
    """Return the text that the operator edits."""
    width = min(max((len(source.url) for source in sources), default=0), _WIDEST_URL)
    lines = [
        f"{source.url:<{width}}  {source.type:<6}  {'insecure' if source.insecure else ''}".rstrip()
        for source in sources
    ]
    return "\n".join(lines) + "\n" + _INSTRUCTIONS


def parse_buffer(text: str, *, known: Sequence[SourceConfig] = ()) -> list[SourceConfig]:
    """Return the sources in an edited text. Raises UsageError and ConfigError.

    A URL without a scheme means https, unless one of the ``known`` sources has the same URL.
    """
    words = (line.partition("#")[0].split() for line in text.splitlines())
    sources = [_parse_line(*line[:3]) for line in words if line]
    spelled = {str(source.url) for source in known}
    return [
        source
        if str(source.url) in spelled
        else SourceConfig.at(source.url.reveal(), source.type, insecure=source.insecure)
        for source in sources
    ]


def _parse_line(url: str, kind: str = "imgapi", options: str = "") -> SourceConfig:
    insecure = None
    for option in filter(None, options.split(",")):
        if option != "insecure":
            raise UsageError(f"unknown source option: {option}")
        insecure = True
    if kind not in SOURCE_TYPES:
        names = '"imgapi", "dsapi", "docker"'
        raise ConfigError(
            f'type "{kind}" for source url "{SecretUrl(url)}" is invalid: must be one of {names}'
        )
    return SourceConfig(SecretUrl(url), kind, insecure)


def _run_editor(text: str) -> tuple[int, str]:
    """Run the editor on ``text``. Return its exit status and the edited text."""
    editor = _editor()
    try:
        descriptor, name = tempfile.mkstemp(prefix="imgadm-sources-", suffix=".txt")
    except OSError as error:
        raise FileSystemError.from_os_error(
            "cannot write the sources to a file for the editor (TMPDIR can name another directory)",
            error,
        ) from error
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        status = _run([*editor, name])
        return status, path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise FileSystemError.from_os_error(
            f'cannot exchange "{path}" with the editor', error
        ) from error
    finally:
        path.unlink(missing_ok=True)


def _editor() -> list[str]:
    """Return the editor of the operator, with its options. Raises InternalError."""
    for variable in ("VISUAL", "EDITOR"):
        given = os.environ.get(variable, "")
        try:
            words = shlex.split(given)
        except ValueError as error:
            raise InternalError(
                f"{variable} names no editor: {given}: {str(error).lower()}"
            ) from error
        if words:
            return words
    return ["vi"]


def _run(argv: list[str]) -> int:
    """Run the editor on the terminal of imgadm and return its exit status."""
    sys.stdout.flush()
    try:
        return run_on_terminal(argv)
    except OSError as error:
        raise InternalError(
            f"cannot run the editor {shlex.join(argv[:-1])}: {error.strerror}; "
            "set VISUAL to another",
            cause=error,
        ) from error


def _wants_to_edit_again(error: ImgadmError) -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    print(f"{error.message}\nEdit again? [Y/n] ", end="", flush=True)
    answer = sys.stdin.readline()
    return answer != "" and answer.strip().lower() in {"", "y", "yes"}


def _tell(context: RunContext, replacement: Replacement) -> None:
    if not replacement.changed:
        print("Image sources unchanged")
    for source in replacement.deleted:
        print(f"Deleted {source.display}")
    if replacement.reordered:
        print("Reordered image sources")
    for source in replacement.added:
        print(f"Added {source.display}")
        if warning := plain_http_warning(source):
            context.warn(warning)
