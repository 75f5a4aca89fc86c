"""``imgadm help``: what there is to type."""

from __future__ import annotations

from imgadm.cli.command import Command, Context, Example
from imgadm.cli.options import Options


def run(_context: Context, _options: Options, words: list[str]) -> int:
    from imgadm.cli.commands import find_command
    from imgadm.cli.output.terminal import help_width
    from imgadm.cli.reference.help import command_help, top_level_help

    width = help_width()
    text = command_help(find_command(words[0]), width) if words else top_level_help(width)
    print(text, end="")
    return 0


COMMAND = Command(
    name="help",
    summary="Help on imgadm or on one command",
    synopses=("help [<command>]",),
    description="Show what imgadm can do, or how one of its commands is used.",
    options=(),
    run=run,
    examples=(Example("imgadm help list", "How are the installed images listed?"),),
    parsing_options=False,
)
