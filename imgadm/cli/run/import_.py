"""The work of ``imgadm import``: an image from a source into a pool, in one pass."""

from __future__ import annotations

from imgadm.base.errors import UsageError
from imgadm.base.patterns import is_uuid
from imgadm.cli.arguments import single_argument
from imgadm.cli.context import RunContext
from imgadm.cli.output.transfer_view import View, choose_view
from imgadm.operations.errors import ActiveImageNotFoundError
from imgadm.operations.image_argument import check_image_argument
from imgadm.operations.importing.import_image import import_image
from imgadm.operations.importing.import_registry_image import import_registry_image
from imgadm.operations.importing.import_steps import ImportOptions
from imgadm.registry import Platform
from imgadm.sources import Source

_NO_REGISTRY = (
    'none of them is a Docker registry: add one with "imgadm sources -t docker -a <url>", '
    "such as https://docker.io"
)
_IMAGE_SERVERS_ONLY = (
    "-S names an image server, which knows images by UUID only; to import by name from a "
    "configured registry, leave -S out"
)


def run(context: RunContext) -> int:
    """Import the image that the argument names."""
    options = context.options
    image = check_image_argument(single_argument(context.arguments))
    with choose_view(
        "import", quiet=options.flag("--quiet"), as_json=options.flag("--json")
    ) as view:
        how = ImportOptions(
            locks=context.locks(),
            zstream=options.flag("--zstream"),
            verify_origins=options.flag("--verify-origins"),
            unverified=options.flag("--unverified"),
        )
        if is_uuid(image):
            _import_by_uuid(context, image, how, view)
        else:
            _import_by_name(context, image, how, view)
    return 0


def _import_by_uuid(context: RunContext, uuid: str, how: ImportOptions, view: View) -> None:
    if context.options.text("--platform") is not None:
        raise UsageError("--platform is for images of registries: leave it out with a UUID")
    import_image(context.pool(), lambda: _sources(context), uuid, how, view)


def _import_by_name(context: RunContext, name: str, how: ImportOptions, view: View) -> None:
    if context.options.texts("-S"):
        _sources(context)
        raise ActiveImageNotFoundError(name, _IMAGE_SERVERS_ONLY)
    registries = context.registries()
    if not registries:
        _sources(context)
        raise ActiveImageNotFoundError(name, _NO_REGISTRY)
    named = context.options.text("--platform")
    platform = Platform.default() if named is None else Platform.parse(named)
    import_registry_image(context.pool(), registries, name, platform, how, view)


def _sources(context: RunContext) -> list[Source]:
    """Return the sources that the options name, or else those of the configuration."""
    options = context.options
    return context.sources(urls=options.texts("-S"), channel=options.text("--channel"))
