"""``imgadm import``: fetch an image from a source into a pool, in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgadm.cli.command import Command, ConfigurationUse, Context, Example, Section
from imgadm.cli.options import Kind, Option, Options
from imgadm.cli.shared_options import EVENTS, HELP, NO_WAIT, POOL, QUIET, single_argument

if TYPE_CHECKING:
    from imgadm.cli.transfer_view import View
    from imgadm.sources import Source

CHANNEL = Option(
    ("-C", "--channel"), "The channel to ask all sources for.", kind=Kind.TEXT, placeholder="ARG"
)
SOURCE = Option(
    ("-S", "--source"),
    "Import from the image server at this URL only; may be given several times, and is asked in "
    "that order. The configured sources are left alone.",
    kind=Kind.TEXTS,
    placeholder="<url>",
)
ZSTREAM = Option(
    ("--zstream",),
    "The source sends the plain ZFS stream of an installed image, whose size and checksum nobody "
    "knows, as another host's imgadm serve does. ZFS checks the stream by itself.",
)


def run(context: Context, options: Options, arguments: list[str]) -> int:
    from imgadm.cli.transfer_view import choose_view
    from imgadm.operations.image_argument import check_image_argument

    image = check_image_argument(single_argument(arguments))
    with choose_view(
        "import", quiet=options.flag("--quiet"), as_json=options.flag("--json")
    ) as view:
        _import(context, options, image, view)
    return 0


def _import(context: Context, options: Options, image: str, view: View) -> None:
    from imgadm.errors import ActiveImageNotFoundError
    from imgadm.manifest import is_uuid
    from imgadm.operations.checks import ImportOptions
    from imgadm.operations.events import AlreadyInstalled
    from imgadm.operations.image_argument import refuse_registry_image
    from imgadm.operations.import_image import import_image
    from imgadm.pools import open_pool

    if not is_uuid(image):
        if not options.texts("-S"):
            refuse_registry_image(image, context.loaded_configuration().sources)
        _sources(context, options)
        raise ActiveImageNotFoundError(image)
    pool = open_pool(context.settings, options.text("-P") or None)
    installed = pool.get(image)
    if installed is not None:
        view(AlreadyInstalled(installed))
        return
    import_image(
        pool,
        _sources(context, options),
        image,
        ImportOptions(
            lock_directory=context.settings.lock_directory,
            command=context.command_line,
            wait=not options.flag("--no-wait"),
            zstream=options.flag("--zstream"),
        ),
        view,
    )


def _sources(context: Context, options: Options) -> list[Source]:
    from imgadm.cli.session import open_sources, open_these_sources

    urls = options.texts("-S")
    channel = options.text("--channel")
    if urls:
        return open_these_sources(context, urls, channel=channel)
    return open_sources(context, channel=channel)


COMMAND = Command(
    name="import",
    summary="Import an image from a source, with all that it is based on",
    synopses=("import [<options>] <uuid>",),
    description="Fetch an image, and those that it is based on, into a pool. The file is fetched, "
    "checked, decompressed and received at the same time, with nothing stored in between; the "
    "image appears when everything was right, or not at all. An image that is installed already "
    "is left alone, with exit status 0.",
    options=(HELP, POOL, SOURCE, CHANNEL, QUIET, EVENTS, NO_WAIT, ZSTREAM),
    sections=(
        Section(
            "Environment",
            "http_proxy, https_proxy, no_proxy  The proxies to use.\n"
            "REQUESTS_CA_BUNDLE                 Certificates of the authorities to trust.\n"
            "IMGADM_INSECURE=1                  Trust any certificate.",
        ),
    ),
    run=run,
    configuration=ConfigurationUse.REQUIRED,
    examples=(
        Example("imgadm import 01b2c898-945f-11e1-a523-af1afbe22822", "Import into the zpool"),
        Example(
            "imgadm import -P /images -S http://127.0.0.1:8080 "
            "01b2c898-945f-11e1-a523-af1afbe22822",
            "Import as a raw disk into a directory, from one server",
        ),
    ),
)
