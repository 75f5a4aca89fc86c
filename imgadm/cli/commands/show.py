"""``imgadm show``: the manifest of an image that a source has."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Context, Example
from imgadm.cli.options import Options
from imgadm.cli.shared_options import HELP, single_argument


def run(context: Context, _options: Options, arguments: list[str]) -> int:
    from imgadm.cli.listing import print_json
    from imgadm.cli.session import open_sources
    from imgadm.operations.image_argument import refuse_registry_image
    from imgadm.operations.show_image import show_image

    image = single_argument(arguments)
    refuse_registry_image(image, context.loaded_configuration().sources)
    sources = open_sources(context)
    print_json(show_image(sources, image, on_failure=lambda error: context.warn(error.message)))
    return 0


COMMAND = Command(
    name="show",
    summary="Show the manifest of an available image",
    synopses=("show <uuid>",),
    description="Print the manifest of an image that one of the sources has, as JSON.",
    options=(HELP,),
    run=run,
    configuration=ConfigurationUse.REQUIRED,
    examples=(
        Example("imgadm show 01b2c898-945f-11e1-a523-af1afbe22822", "What does it need to run?"),
    ),
)
