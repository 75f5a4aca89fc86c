"""The declaration of ``imgadm publish``."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example, Section
from imgadm.cli.shared_options import (
    EVENTS,
    FILE,
    HELP,
    INSECURE,
    MANIFEST,
    QUIET,
    TOKEN_FILE,
)

COMMAND = Command(
    name="publish",
    summary="Publish an image from local files to an image server",
    synopses=("publish [<options>] -m <manifest> -f <file> <url>",),
    description="Send the manifest and the file of an image to the image server at <url>, which "
    "must accept images, as imgadm serve --writable does. The image stays invisible until the "
    "server has its whole file with the same checksum. If any step fails, the image is deleted "
    "from the server. An image that the server had before is left alone.",
    options=(HELP, MANIFEST, FILE, INSECURE, TOKEN_FILE, QUIET, EVENTS),
    sections=(
        Section(
            "Environment",
            """\
http_proxy, https_proxy, no_proxy  The proxies to use.
REQUESTS_CA_BUNDLE                 Certificates of the authorities to trust.
IMGADM_INSECURE=1                  Trust any certificate.""",
        ),
    ),
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example(
            "imgadm publish -m debian.imgmanifest -f debian.zvol.gz http://127.0.0.1:8080",
            "Publish an image that imgadm create has made",
        ),
    ),
)
