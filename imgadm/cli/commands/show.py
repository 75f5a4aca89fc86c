"""``imgadm show``: the manifest of an image that a source has."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Context, Example
from imgadm.cli.options import Options
from imgadm.cli.shared_options import HELP, PLATFORM, single_argument


def run(context: Context, options: Options, arguments: list[str]) -> int:
    from imgadm.base.errors import ActiveImageNotFoundError, ImageNotFoundError
    from imgadm.cli.output.listing import print_json
    from imgadm.cli.session import open_registries, open_sources
    from imgadm.operations.image_argument import names_registry_image
    from imgadm.operations.listing.show_image import show_image

    image = single_argument(arguments)
    if names_registry_image(image) and (registries := open_registries(context)):
        from imgadm.operations.importing.registry_images import find_registry_image
        from imgadm.registry import Platform

        named = options.text("--platform")
        platform = Platform.default() if named is None else Platform.parse(named)
        try:
            found = find_registry_image(
                registries, image, platform, on_failure=lambda error: context.warn(error.message)
            )
        except ActiveImageNotFoundError as error:
            raise ImageNotFoundError(image) from error
        for doubt in found.remote.doubts:
            context.warn(doubt)
        print_json(found.manifests[-1].raw)
        return 0
    sources = open_sources(context)
    print_json(show_image(sources, image, on_failure=lambda error: context.warn(error.message)))
    return 0


COMMAND = Command(
    name="show",
    summary="Show the manifest of an available image",
    synopses=("show <uuid>", "show [<options>] <repository>[:<tag>|@<digest>]"),
    description="Print the manifest of an image that one of the sources has, as JSON. Of an image "
    "in a Docker registry, that is the manifest which its last layer gets when it is imported.",
    options=(HELP, PLATFORM),
    run=run,
    configuration=ConfigurationUse.REQUIRED,
    examples=(
        Example("imgadm show 01b2c898-945f-11e1-a523-af1afbe22822", "What does it need to run?"),
    ),
)
