"""The work of ``imgadm help``: print a help text."""

from __future__ import annotations

from imgadm.cli.commands import find_command
from imgadm.cli.context import RunContext
from imgadm.cli.output.terminal import help_width
from imgadm.cli.reference.help import command_help, top_level_help


def run(context: RunContext) -> int:
    """Print the help on the command that the argument names, or on imgadm."""
    width = help_width()
    words = context.arguments
    text = command_help(find_command(words[0]), width) if words else top_level_help(width)
    print(text, end="")
    return 0
