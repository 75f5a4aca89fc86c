"""Options that mean the same in several commands, and the checks of arguments that they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imgadm.base.errors import ImgadmError, UsageError
from imgadm.cli.options import Kind, Option, Options

if TYPE_CHECKING:
    from imgadm.base.locks.terms import Locks
    from imgadm.cli.command import Context

HELP = Option(("-h", "--help"), "Show this help.")
JSON = Option(("-j", "--json"), "Print JSON instead of a table.")
NO_HEADER = Option(("-H",), "Leave the header of the table out.")
NO_WAIT = Option(
    ("--no-wait",), "Fail at once if another process works on the image, instead of waiting for it."
)
POOL = Option(
    ("-P",),
    "The pool: the name of a zpool, or a path with a slash for a directory pool. The default is "
    "$IMGADM_POOL, else the pool that the host provides.",
    kind=Kind.TEXT,
    placeholder="<pool>",
)
PLATFORM = Option(
    ("--platform",),
    "The platform to take the image of a registry for, such as linux/arm64 or linux/arm/v7. The "
    "default is linux/amd64, which lx and docker zones run.",
    kind=Kind.TEXT,
    placeholder="<os/arch[/variant]>",
)
QUIET = Option(("-q", "--quiet"), "Show no progress.")
EVENTS = Option(("--json",), "Print what happens as JSON, one event a line.")
MANIFEST = Option(("-m",), "The manifest of the image.", kind=Kind.TEXT, placeholder="<manifest>")
FILE = Option(("-f",), "The file of the image.", kind=Kind.TEXT, placeholder="<file>")
INSECURE = Option(
    ("-k", "--insecure"),
    "Do not check the TLS certificate of the server at the URL.",
)
TOKEN_FILE = Option(
    ("--token-file",),
    "A file with the token that the server asks for, which is sent as a bearer token.",
    kind=Kind.TEXT,
    placeholder="<path>",
)


def columns_option(default: str) -> Option:
    return Option(
        ("-o",),
        f'The columns of the table; the default is "{default}".',
        kind=Kind.TEXT,
        placeholder="FIELD,...",
    )


def sort_option(default: str) -> Option:
    return Option(
        ("-s",),
        "The fields to sort by, in turn; a leading minus reverses the order of one. "
        f'The default is "{default}".',
        kind=Kind.TEXT,
        placeholder="FIELD,...",
    )


def locks_for(context: Context, options: Options) -> Locks:
    """Return the locks of a command that has the option ``NO_WAIT``."""
    from imgadm.base.locks.terms import Locks

    return Locks(
        directory=context.settings.lock_directory,
        command=context.command_line,
        wait=not options.flag("--no-wait"),
    )


def required_text(options: Options, option: Option) -> str:
    """Return the value of an option that must be given; raises ImgadmError."""
    value = options.text(option.names[0])
    if value is None:
        # Scripts know this line without a code.
        raise ImgadmError(f"{option.names[0]} {option.placeholder} (string) is required")
    return value


def single_argument(arguments: Sequence[str]) -> str:
    """Return the only argument; raises UsageError if there are more or none."""
    if len(arguments) != 1:
        raise UsageError(f'incorrect number of args ({len(arguments)}): "{" ".join(arguments)}"')
    return arguments[0]


def uuid_argument(arguments: Sequence[str]) -> str:
    """Return the only argument; raises UsageError, and InvalidUUIDError if it is no UUID."""
    from imgadm.base.patterns import check_uuid

    return check_uuid(single_argument(arguments))
