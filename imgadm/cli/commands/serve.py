"""``imgadm serve``: offer images to other hosts."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example
from imgadm.cli.options import Option, OptionKind
from imgadm.cli.shared_options import HELP, POOL

DEFAULT_ADDRESS = "127.0.0.1:8080"
_LISTEN = Option(
    ("-l", "--listen"),
    f"Where to listen; the default is {DEFAULT_ADDRESS}, which only this host can reach. There is "
    "no access control: whoever can connect can fetch everything that is served.",
    kind=OptionKind.TEXT,
    placeholder="<address>:<port>",
)
_INSTALLED = Option(("-i", "--installed"), "Serve the installed images next to those in folders.")
_QUIET = Option(("-q", "--quiet"), "Print nothing about requests.")
_WRITABLE = Option(
    ("-w", "--writable"),
    "Take images too, as imgadm publish sends them, into the one folder that is served. Without "
    "--token-file only where no other host can connect.",
)
_TOKEN_FILE = Option(
    ("--token-file",),
    "A file with a token that whoever changes images has to show (Authorization: Bearer TOKEN): "
    "16 letters and digits or more, on one line.",
    kind=OptionKind.TEXT,
    placeholder="<path>",
)
_MAX_UPLOAD = Option(
    ("--max-upload",),
    "The largest image file to take, such as 512M; the default is 20G.",
    kind=OptionKind.TEXT,
    placeholder="<size>",
)
_HOST_NAME = Option(
    ("--host-name",),
    "A name by which clients may call this server, besides its addresses and localhost; may be "
    "given several times. A server that only this host can reach answers to no other names. Where "
    "other hosts can connect, it answers to any name unless this is given.",
    kind=OptionKind.TEXTS,
    placeholder="<name>",
)

COMMAND = Command(
    name="serve",
    summary="Serve images to other hosts",
    synopses=("serve [<options>] [<folder>...]", "serve -w [<options>] <folder>"),
    description="Offer images over HTTP, as an image server that imgadm sources -a can add. With "
    "folders, the pairs of manifest (NAME.imgmanifest) and file (NAME.zvol.gz, NAME.zfs.xz and so "
    "on) in them; without, the images that are installed on this host. Images of zpools are sent "
    "as zfs send makes them: import those with --zstream. Nothing can be changed over HTTP unless "
    "--writable says so. Ends with Ctrl-C.",
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
            "Let those who know the token publish images",
        ),
    ),
)
