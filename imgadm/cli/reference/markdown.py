"""The page about commands in the documentation, made from the declarations of the commands.

``python -m imgadm.cli.reference.markdown`` prints it. The manual page has the same content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from imgadm.cli.command import Command
from imgadm.cli.commands import ALIASES, GROUPS, find_command
from imgadm.cli.options import Option
from imgadm.cli.reference.help import ENVIRONMENT, option_label, section_parts
from imgadm.cli.shared_options import GLOBAL_OPTIONS

_HEADER = """\
# Commands

<!-- Made by scripts/generate from the declarations of the commands. -->

`imgadm help`, `imgadm help COMMAND` and the manual page `imgadm(8)` say the same.

    imgadm [<options>] <command> [<options>] [<arguments>]

## Global options

These come before the command.
"""


def commands_page() -> str:
    """Return the page as Markdown."""
    parts = [_HEADER, *_options(GLOBAL_OPTIONS), "", "## Environment", "", *_table(ENVIRONMENT)]
    for group in GROUPS:
        for name in group:
            parts += ["", *_command(find_command(name))]
    return "\n".join(parts) + "\n"


def _command(command: Command) -> Iterator[str]:
    yield f"## {command.name}"
    yield ""
    yield from (f"    imgadm {synopsis}" for synopsis in command.synopses)
    yield ""
    yield _text(command.description)
    aliases = [alias for alias, name in ALIASES.items() if name == command.name]
    if aliases:
        yield f"\nAlso called `{'`, `'.join(aliases)}`."
    if any(not option.hidden for option in command.options):
        yield ""
        yield from _options(command.options)
    for section in command.sections:
        yield f"\n### {section.title}\n"
        yield from _section(section.text)
    if command.examples:
        yield "\n### Examples\n"
        for example in command.examples:
            yield f"    # {example.purpose}"
            yield f"    imgadm {example.command}".replace("imgadm imgadm", "imgadm")


def _section(text: str) -> Iterator[str]:
    for kind, lines in section_parts(text):
        if kind == "text":
            yield _text(" ".join(lines))
        elif kind == "columns":
            pairs = (line.partition("  ") for line in lines)
            yield from _table((term, meaning.strip()) for term, _, meaning in pairs)
        elif kind == "indented":
            yield from lines
        yield ""


def _options(options: tuple[Option, ...]) -> Iterator[str]:
    return _table(
        (option_label(option), option.help)
        for option in options
        if option.names and not option.hidden
    )


def _table(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield "| | |"
    yield "| --- | --- |"
    for term, meaning in rows:
        cells = f"`{term}`", _text(" ".join(meaning.split()))
        yield "| {} | {} |".format(*(cell.replace("|", "\\|") for cell in cells))


def _text(text: str) -> str:
    """Keep placeholders such as ``<pool>`` from being read as HTML, and stars as emphasis."""
    return text.replace("<", "&lt;").replace("*", "\\*")


if __name__ == "__main__":
    print(commands_page(), end="")
