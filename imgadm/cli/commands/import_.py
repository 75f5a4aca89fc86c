"""``imgadm import``: fetch an image from a source into a pool, in one pass."""

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
    "The channel to ask all sources for.",
    kind=OptionKind.TEXT,
    placeholder="ARG",
)
_SOURCE = Option(
    ("-S", "--source"),
    "Import from the image server at this URL only; may be given several times, and is asked in "
    "that order. Without a scheme that means https. The configured sources, registries too, are "
    "left alone.",
    kind=OptionKind.TEXTS,
    placeholder="<url>",
)
_ZSTREAM = Option(
    ("--zstream",),
    "The source sends the plain ZFS stream of an installed image, whose size and checksum nobody "
    "knows, as another host's imgadm serve does. ZFS checks the stream by itself.",
)
_VERIFY_ORIGINS = Option(
    ("--verify-origins",),
    "Import nothing on top of an installed image unless the source has that image with the same "
    "SHA-1 as it was installed from. Without this option, an image that differs is a warning.",
)
_UNVERIFIED = Option(
    ("--unverified",),
    "Import an image although nothing can tell whether its file is the right one: its manifest has "
    "no sha1, and its server sends no Content-MD5.",
)

COMMAND = Command(
    name="import",
    summary="Import an image from a source, with all that it is based on",
    synopses=("import [<options>] <uuid>", "import [<options>] <repository>[:<tag>|@<digest>]"),
    description="Fetch an image, and those that it is based on, into a pool. The file is fetched, "
    "checked, decompressed and received at the same time, with nothing stored in between; the "
    "image appears when everything was right, or not at all. An image that is installed already "
    "is left alone, with exit status 0. What is not a UUID is the name of an image in a Docker "
    "registry, one of which must be configured as a source of type docker; each of its layers "
    "becomes an image, based on the one below it.",
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
            "http_proxy, https_proxy, no_proxy  The proxies to use.\n"
            "REQUESTS_CA_BUNDLE                 Certificates of the authorities to trust.\n"
            "IMGADM_INSECURE=1                  Trust any certificate.\n"
            "REGISTRY_AUTH_FILE                 A file of credentials, which counts first.\n"
            "DOCKER_CONFIG                      Where config.json is, instead of ~/.docker.",
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
