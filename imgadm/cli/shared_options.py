"""Options that mean the same in several commands, and the options before the command."""

from __future__ import annotations

from imgadm.cli.options import Option, OptionKind

GLOBAL_OPTIONS = (
    Option(("-h", "--help"), "Show this help."),
    Option(("--version",), "Print the version of imgadm."),
    Option(("-v", "--verbose"), "Write all log records, and the stack of an error, to stderr."),
    Option(("-E",), "On failure, print the error as a JSON object in the last line of stderr."),
)
"""The options before the command."""

HELP = Option(("-h", "--help"), "Show this help.")
JSON = Option(("-j", "--json"), "Print JSON instead of a table.")
NO_HEADER = Option(("-H",), "Print no header above the table.")
NO_WAIT = Option(
    ("--no-wait",),
    "Fail at once if another process is working on the image. Otherwise wait for it.",
)
POOL = Option(
    ("-P",),
    "The pool: the name of a zpool, or the path of a directory, with a slash in it. The default is "
    "$IMGADM_POOL, or else the pool of this host.",
    kind=OptionKind.TEXT,
    placeholder="<pool>",
)
PLATFORM = Option(
    ("--platform",),
    "The platform that an image from a registry is wanted for, such as linux/arm64 or "
    "linux/arm/v7. The default is linux/amd64, which lx and docker zones run.",
    kind=OptionKind.TEXT,
    placeholder="<os/arch[/variant]>",
)
QUIET = Option(("-q", "--quiet"), "Show no progress.")
EVENTS = Option(("--json",), "Print each event as a JSON object on a line of its own.")
MANIFEST = Option(
    ("-m",), "The manifest of the image.", kind=OptionKind.TEXT, placeholder="<manifest>"
)
FILE = Option(("-f",), "The file of the image.", kind=OptionKind.TEXT, placeholder="<file>")
INSECURE = Option(
    ("-k", "--insecure"),
    "Do not check the TLS certificate of the server at the URL.",
)
TOKEN_FILE = Option(
    ("--token-file",),
    "A file with the token that the server wants as a bearer token.",
    kind=OptionKind.TEXT,
    placeholder="<path>",
)


def columns_option(default: str) -> Option:
    """Return the option ``-o`` of a command with these ``default`` columns."""
    return Option(
        ("-o",),
        f'The columns of the table. The default is "{default}".',
        kind=OptionKind.TEXT,
        placeholder="FIELD,...",
    )


def sort_option(default: str) -> Option:
    """Return the option ``-s`` of a command with this ``default`` order."""
    return Option(
        ("-s",),
        "The fields to sort by, the most important first. A leading minus reverses an order. "
        f'The default is "{default}".',
        kind=OptionKind.TEXT,
        placeholder="FIELD,...",
    )


DEFAULT_COLUMNS = "uuid,name,version,os,published"
"""The columns of a list of images without ``-o``."""

DEFAULT_SORT = "published_at,name"
"""The order of a list of images without ``-s``."""

LISTING_OPTIONS = (JSON, NO_HEADER, columns_option(DEFAULT_COLUMNS), sort_option(DEFAULT_SORT))
"""The options of commands that list images."""
