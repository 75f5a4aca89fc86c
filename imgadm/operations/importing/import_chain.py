"""The chain of images that an image of a source is based on."""

from __future__ import annotations

from imgadm.manifest import Manifest
from imgadm.manifest.errors import InvalidManifestError
from imgadm.operations.errors import OriginNotFoundInSourceError
from imgadm.operations.events.event import OnEvent
from imgadm.operations.events.importing import AncestorInstalled
from imgadm.operations.importing.import_steps import ImportChain
from imgadm.operations.importing.origin_trust import check_installed_origin
from imgadm.operations.listing.installed_ancestry import recorded_origin
from imgadm.pools.base import Pool
from imgadm.sources import Source, SourceError

MAX_CHAIN = 100
"""The number of images that one chain of origins may have."""


def look_up_chain(
    pool: Pool,
    source: Source,
    image: Manifest,
    on_event: OnEvent,
    *,
    verify_origins: bool = False,
) -> ImportChain:
    """Return the images that it takes to import ``image``.

    Its origins are looked up in ``source`` up to the first installed one, from there on in the
    records of ``pool``. Installed origins are compared with the images that ``source`` has. With
    ``verify_origins``, one that is not proven to be the same is an error instead of a warning.
    Raises InvalidManifestError for a loop and for a chain longer than :data:`MAX_CHAIN`,
    OriginNotFoundInSourceError, OriginNotVerifiedError, and the errors of the source.
    """
    missing, base = [image], None
    seen = {image.uuid}
    origin = image.origin
    while origin is not None:
        if origin in seen:
            raise InvalidManifestError(
                f"the origins of image {image.uuid} form a loop: {origin} is its own ancestor"
            )
        if len(seen) >= MAX_CHAIN:
            raise InvalidManifestError(
                f"image {image.uuid} has more than {MAX_CHAIN - 1} ancestors"
            )
        seen.add(origin)
        installed = pool.get(origin)
        if installed is None:
            missing.append(_get_ancestor(source, origin))
            origin = missing[-1].origin
        else:
            on_event(AncestorInstalled(origin))
            if installed.manifest.get("type") != "docker":  # digests prove layers
                check_installed_origin(source, installed, on_event, must_be_proven=verify_origins)
            base = base or origin
            origin = recorded_origin(installed)
    return ImportChain(missing, base)


def _get_ancestor(source: Source, uuid: str) -> Manifest:
    try:
        found = source.get_image(uuid)
    except SourceError as error:
        raise error.bare() from error
    if found is None:
        raise OriginNotFoundInSourceError(uuid, source.url)
    return Manifest.of(found)
