"""Options that mean the same in several commands."""

from __future__ import annotations

from imgadm.cli.options import Option, OptionKind

GLOBAL_OPTIONS = (
    Option(("-h", "--help"), "Show this help."),
    Option(("--version",), "Print the version of imgadm."),
    Option(("-v", "--verbose"), "Log everything that happens, and show where errors come from."),
    Option(("-E",), "On failure, make the last line of stderr the error as a JSON object."),
)
"""The options that come before the command."""

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
    kind=OptionKind.TEXT,
    placeholder="<pool>",
)
PLATFORM = Option(
    ("--platform",),
    "The platform to take the image of a registry for, such as linux/arm64 or linux/arm/v7. The "
    "default is linux/amd64, which lx and docker zones run.",
    kind=OptionKind.TEXT,
    placeholder="<os/arch[/variant]>",
)
QUIET = Option(("-q", "--quiet"), "Show no progress.")
EVENTS = Option(("--json",), "Print what happens as JSON, one event a line.")
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
    "A file with the token that the server asks for, which is sent as a bearer token.",
    kind=OptionKind.TEXT,
    placeholder="<path>",
)


def columns_option(default: str) -> Option:
    return Option(
        ("-o",),
        f'The columns of the table; the default is "{default}".',
        kind=OptionKind.TEXT,
        placeholder="FIELD,...",
    )


def sort_option(default: str) -> Option:
    return Option(
        ("-s",),
        "The fields to sort by, in turn; a leading minus reverses the order of one. "
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
