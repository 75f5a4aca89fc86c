"""The declaration of ``imgadm sources``."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example
from imgadm.cli.options import SEPARATOR, Option, OptionKind
from imgadm.cli.shared_options import HELP

_OPTIONS = (
    HELP,
    Option(("-v", "--verbose"), "Also list the type and the TLS setting of each source."),
    Option(("-j", "--json"), "List the sources as JSON."),
    SEPARATOR,
    Option(
        ("-a",),
        "Add the source at this URL. A URL without a scheme means https.",
        kind=OptionKind.TEXT,
        placeholder="<source>",
    ),
    Option(
        ("-d",), "Delete the sources at this URL.", kind=OptionKind.TEXT, placeholder="<source>"
    ),
    Option(("-e",), "Edit the sources in $VISUAL, $EDITOR or vi."),
    Option(("-c", "--check"), "Check whether the sources answer."),
    SEPARATOR,
    Option(
        ("-t", "--type"),
        "The type of the added source: imgapi (the default), dsapi, or docker for a Docker or OCI "
        "registry.",
        kind=OptionKind.TEXT,
        placeholder="<type>",
    ),
    Option(
        ("-k", "--insecure"),
        "Do not check the TLS certificate of the added source. A registry on another host needs "
        "this option for plain http.",
    ),
    Option(("-f", "--force"), "Add or save sources without checking whether they answer."),
    Option(("--add-docker-hub",), "Add Docker Hub.", hidden=True),
)

COMMAND = Command(
    name="sources",
    summary="List and edit image sources",
    synopses=(
        "sources [<options>]",
        "sources [-v | -j]",
        "sources -a <source> [-t <type>] [-k] [-f]",
        "sources -d <source>",
        "sources -e [-f]",
        "sources -c",
    ),
    description="List, add, delete, edit or check the servers that images come from. imgadm asks "
    "them in the order of the list.",
    options=_OPTIONS,
    configuration=ConfigurationUse.REQUIRED,
    examples=(
        Example("imgadm sources -a https://images.example.com", "Add a server, if it answers"),
        Example("imgadm sources -t docker -a https://docker.io", "Import from Docker Hub by name"),
        Example("imgadm sources -c", "Do all sources answer?"),
    ),
)
