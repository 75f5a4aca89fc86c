"""The work of ``imgadm show``: the manifest of an image that a source has."""

from __future__ import annotations

from imgadm.cli.arguments import single_argument
from imgadm.cli.context import RunContext
from imgadm.cli.output.listing import print_json
from imgadm.operations.errors import ActiveImageNotFoundError, ImageNotFoundError
from imgadm.operations.image_argument import names_registry_image
from imgadm.operations.importing.registry_images import find_registry_image
from imgadm.operations.listing.show_image import show_image
from imgadm.registry import Platform


def run(context: RunContext) -> int:
    """Print the manifest of the image that the argument names."""
    image = single_argument(context.arguments)
    if names_registry_image(image) and (registries := context.registries()):
        named = context.options.text("--platform")
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
    sources = context.sources()
    print_json(show_image(sources, image, on_failure=lambda error: context.warn(error.message)))
    return 0
