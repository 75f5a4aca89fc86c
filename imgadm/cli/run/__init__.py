"""The work of the commands: one module per command, loaded when the command runs.

The module of a command has a function ``run``, which takes a :class:`imgadm.cli.context.RunContext`
and returns the exit status. It raises ImgadmError for any failure. ``disks``, ``publish_server``
and ``source_editor`` hold parts of that work.
"""

from __future__ import annotations

import gc
from importlib import import_module
from typing import TYPE_CHECKING

from imgadm.cli.commands import module_name

if TYPE_CHECKING:
    from imgadm.cli.context import RunContext


def run_command(name: str, context: RunContext) -> int:
    """Load the module of the command ``name``, run it, and return its exit status."""
    # Loading modules makes many objects and hardly any garbage.
    gc.disable()
    module = import_module(f"{__name__}.{module_name(name)}")
    gc.enable()
    status: int = module.run(context)
    return status
