"""Checks of arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence

from imgadm.base.errors import ImgadmError, UsageError
from imgadm.base.patterns import check_uuid
from imgadm.cli.context import RunContext
from imgadm.cli.options import Option


def single_argument(arguments: Sequence[str]) -> str:
    """Return the only argument. Raises UsageError if there are more or none."""
    if len(arguments) != 1:
        raise UsageError(
            f'incorrect number of args ({len(arguments)}): "{" ".join(arguments)}"',
            synopsis_helps=True,
        )
    return arguments[0]


def uuid_argument(arguments: Sequence[str]) -> str:
    """Return the only argument. Raises UsageError, and InvalidUUIDError if it is not a UUID."""
    return check_uuid(single_argument(arguments))


def required_text(context: RunContext, option: Option) -> str:
    """Return the value of ``option``, which must be given. Raises ImgadmError without it."""
    value = context.options.text(option.names[0])
    if value is None:
        # Scripts know this line without a code.
        raise ImgadmError(
            f"{option.names[0]} {option.placeholder} (string) is required",
            hint=f'"imgadm help {context.name}" lists the options.',
        )
    return value
