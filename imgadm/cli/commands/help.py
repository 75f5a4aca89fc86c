"""The declaration of ``imgadm help``."""

from __future__ import annotations

from imgadm.cli.command import Command, Example

COMMAND = Command(
    name="help",
    summary="Show help on imgadm or on one command",
    synopses=("help [<command>]",),
    description="Show what imgadm does, or how to use one of its commands.",
    options=(),
    examples=(Example("imgadm help list", "How do I list the installed images?"),),
    parsing_options=False,
)
