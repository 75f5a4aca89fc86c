"""What an image that is to be imported is based on."""

from __future__ import annotations

from imgadm.manifest import Manifest
from imgadm.manifest.errors import InvalidManifestError
from imgadm.operations.errors import OriginNotFoundInSourceError
from imgadm.operations.events.event import OnEvent
from imgadm.operations.events.importing import AncestorInstalled
from imgadm.operations.importing.origin_trust import check_installed_origin
from imgadm.operations.importing.protocol import ImportChain
from imgadm.operations.listing.installed_ancestry import recorded_origin
from imgadm.pools.base import Pool
from imgadm.sources import Source, SourceError

#: Images that one chain of origins may have at most.
MAX_CHAIN = 100


def look_up_chain(
    pool: Pool,
    source: Source,
    image: Manifest,
    on_event: OnEvent,
    *,
    verify_origins: bool = False,
) -> ImportChain:
    """Follow the origins of ``image``: in ``source`` while they are not installed, then in records.

    Installed ones are compared with what ``source`` says of them; ``verify_origins`` makes an error
    of every one that is not proven to be the same. Raises InvalidManifestError for a loop and for a
    chain longer than :data:`MAX_CHAIN`, OriginNotFoundInSourceError, OriginNotVerifiedError, and
    what the source fails with.
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
            if installed.manifest.get("type") != "docker":  # whose digests are compared
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
