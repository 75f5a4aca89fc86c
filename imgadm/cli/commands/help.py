"""``imgadm help``: what there is to type."""

from __future__ import annotations

from imgadm.cli.command import Command, Example

COMMAND = Command(
    name="help",
    summary="Help on imgadm or on one command",
    synopses=("help [<command>]",),
    description="Show what imgadm can do, or how one of its commands is used.",
    options=(),
    examples=(Example("imgadm help list", "How are the installed images listed?"),),
    parsing_options=False,
)
