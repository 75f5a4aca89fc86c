"""The declaration of ``imgadm import``."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example, Section
from imgadm.cli.options import Option, OptionKind
from imgadm.cli.shared_options import (
    EVENTS,
    HELP,
    NO_WAIT,
    PLATFORM,
    POOL,
    QUIET,
)

_CHANNEL = Option(
    ("-C", "--channel"),
    "Ask all sources for images of this channel.",
    kind=OptionKind.TEXT,
    placeholder="<channel>",
)
_SOURCE = Option(
    ("-S", "--source"),
    "Ask only the image server at this URL, and none of the configured sources. If the option is "
    "given several times, imgadm asks the servers in that order. A URL without a scheme means "
    "https.",
    kind=OptionKind.TEXTS,
    placeholder="<url>",
)
_ZSTREAM = Option(
    ("--zstream",),
    "Take a plain ZFS stream without a known size and checksum, as imgadm serve sends images of "
    "zpools. The stream has checksums of its own, which imgadm and ZFS verify.",
)
_VERIFY_ORIGINS = Option(
    ("--verify-origins",),
    "Fail if the image is based on an installed image that the source does not have with the same "
    "SHA-1. Without this option, a different SHA-1 causes a warning.",
)
_UNVERIFIED = Option(
    ("--unverified",),
    "Import an image whose file cannot be verified, because its manifest has no sha1 and its "
    "server sends no Content-MD5.",
)

COMMAND = Command(
    name="import",
    summary="Import an image from a source, with all images that it is based on",
    synopses=("import [<options>] <uuid>", "import [<options>] <repository>[:<tag>|@<digest>]"),
    description="Install an image from a source into a pool, with all images that it is based on. "
    "The file is downloaded, checked, decompressed and received at the same time, without a "
    "temporary file. The image appears when all checks have passed, or not at all. If the image is "
    "installed already, nothing happens, and the exit status is 0.\n\nAny argument that is not a "
    "UUID names an image in a Docker registry. A source of type docker must be configured for it. "
    "Each layer becomes an image, based on the layer below it.",
    options=(
        HELP,
        POOL,
        _SOURCE,
        _CHANNEL,
        PLATFORM,
        QUIET,
        EVENTS,
        NO_WAIT,
        _ZSTREAM,
        _UNVERIFIED,
        _VERIFY_ORIGINS,
    ),
    sections=(
        Section(
            "Environment",
            """\
http_proxy, https_proxy, no_proxy  The proxies to use.
REQUESTS_CA_BUNDLE                 Certificates of the authorities to trust.
IMGADM_INSECURE=1                  Trust any certificate.
REGISTRY_AUTH_FILE                 A file of credentials, read first.
DOCKER_CONFIG                      Directory of config.json; else ~/.docker.""",
        ),
    ),
    configuration=ConfigurationUse.REQUIRED,
    examples=(
        Example("imgadm import 01b2c898-945f-11e1-a523-af1afbe22822", "Import into the zpool"),
        Example(
            "imgadm import -P /images -S http://127.0.0.1:8080 "
            "01b2c898-945f-11e1-a523-af1afbe22822",
            "Import as a raw disk into a directory, from one server",
        ),
        Example(
            "imgadm import --platform linux/arm64 -P /images debian:12",
            "Import from a registry, for another platform",
        ),
    ),
)
