"""The declaration of ``imgadm serve``."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example
from imgadm.cli.options import Option, OptionKind
from imgadm.cli.shared_options import HELP, POOL

DEFAULT_ADDRESS = "127.0.0.1:8080"
_LISTEN = Option(
    ("-l", "--listen"),
    f"The address and port to listen on. The default is {DEFAULT_ADDRESS}, which only this host "
    "can reach. There is no access control: everybody who can connect can download all images.",
    kind=OptionKind.TEXT,
    placeholder="<address>:<port>",
)
_INSTALLED = Option(("-i", "--installed"), "Also serve the installed images, if folders are given.")
_QUIET = Option(("-q", "--quiet"), "Print no line for each request.")
_WRITABLE = Option(
    ("-w", "--writable"),
    "Also accept images from imgadm publish, into the one folder that is served. If other hosts "
    "can connect, this needs --token-file.",
)
_TOKEN_FILE = Option(
    ("--token-file",),
    "A file with the token that clients must send to change images (Authorization: Bearer TOKEN): "
    "one line of at least 16 letters and digits.",
    kind=OptionKind.TEXT,
    placeholder="<path>",
)
_MAX_UPLOAD = Option(
    ("--max-upload",),
    "The size of the largest image file to accept, such as 512M. The default is 20G.",
    kind=OptionKind.TEXT,
    placeholder="<size>",
)
_HOST_NAME = Option(
    ("--host-name",),
    "A name of this server that clients may use in URLs, besides its addresses and localhost. May "
    "be given several times. Without this option, a server that other hosts can reach answers to "
    "any name, and a server that only this host can reach answers to no further name.",
    kind=OptionKind.TEXTS,
    placeholder="<name>",
)

COMMAND = Command(
    name="serve",
    summary="Serve images to other hosts",
    synopses=("serve [<options>] [<folder>...]", "serve -w [<options>] <folder>"),
    description="Run an image server, which other hosts add with imgadm sources -a. It serves the "
    "images in the folders: pairs of a manifest (NAME.imgmanifest) and a file (NAME.zvol.gz, "
    "NAME.zfs.xz and so on). Without folders it serves the images that are installed on this host. "
    "Images of zpools are sent as zfs send makes them; import them with --zstream. Clients cannot "
    "change anything without --writable. Ctrl-C ends the server.",
    options=(
        HELP,
        _LISTEN,
        _INSTALLED,
        POOL,
        _QUIET,
        _WRITABLE,
        _TOKEN_FILE,
        _MAX_UPLOAD,
        _HOST_NAME,
    ),
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example("imgadm serve /export/images", "Serve a folder to this host"),
        Example("imgadm serve -l 192.0.2.1:8080 -P /images", "Serve a directory pool to others"),
        Example(
            "imgadm serve -w -l 192.0.2.1:8080 --token-file /etc/imgadm-token /export/images",
            "Let everybody who has the token publish images",
        ),
    ),
)
