"""The comparison of an installed image with the one that a source has under the same UUID.

Nothing in a ZFS stream proves who made it: the guids by which an incremental stream finds its
origin are numbers that anybody can write. The SHA-1 of their files tells two images apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgadm.base.errors import ImgadmError
from imgadm.manifest import Manifest
from imgadm.operations.errors import OriginNotVerifiedError
from imgadm.operations.events.event import OnEvent
from imgadm.operations.events.importing import ImageDoubted
from imgadm.pools.images import InstalledImage
from imgadm.sources import Source, SourceError

RECEIVED_AS = "received"
"""The key in a record of the facts about a file that the manifest's SHA-1 does not prove."""


def unproven_file(manifest: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members to record about the file of an image, besides its manifest.

    ``facts`` are those of the pipeline that received the file. If their SHA-1 is that of the
    manifest, the manifest is proven and there is nothing to record.
    """
    got = facts.get("sha1")
    if got is None or got == _sha1_in(manifest):
        return {}
    return {RECEIVED_AS: {"sha1": got, "size": facts.get("size")}}


def recorded_sha1(image: InstalledImage) -> str | None:
    """Return the SHA-1 of the file that an installed image came from, None if it is unknown."""
    received = image.extra.get(RECEIVED_AS)
    if isinstance(received, dict):
        sha1 = received.get("sha1")
        return sha1 if isinstance(sha1, str) else None
    return _sha1_in(image.manifest)


def differs_from_source(image: InstalledImage, offered: Manifest) -> str | None:
    """Return how an installed image differs from the one ``offered``, None if no SHA-1 shows it."""
    ours, theirs = recorded_sha1(image), None if offered.file is None else offered.file.sha1
    if ours is None or theirs is None or ours.lower() == theirs.lower():
        return None
    came = f'it came from "{image.source}"' if image.source else "it was installed from a file"
    return f"{came}, and the SHA-1 of its file is {ours}, not {theirs}"


def check_installed_origin(
    source: Source,
    installed: InstalledImage,
    on_event: OnEvent,
    *,
    must_be_proven: bool,
) -> None:
    """Compare an installed origin with the image that ``source`` has under its UUID.

    ``source`` has an image that is based on it. If the two differ, ``on_event`` gets a warning.
    With ``must_be_proven``, a difference, a missing proof and a source that fails are errors
    instead. Without it, the source is not asked about an image that is recorded to have come from
    it. Raises OriginNotVerifiedError, and the errors of the source.
    """
    if not must_be_proven and installed.source in (source.config.url, source.url):
        return
    try:
        found = source.get_image(installed.uuid)
        offered = None if found is None else Manifest.of(found)
    except SourceError as error:
        if must_be_proven:
            raise error.bare() from error
        return
    except ImgadmError:
        if must_be_proven:
            raise
        return
    reason = None if offered is None else differs_from_source(installed, offered)
    if reason is None and must_be_proven:
        reason = _missing_proof(installed, offered)
    if reason is None:
        return
    doubt = OriginNotVerifiedError(installed.uuid, source.url, reason)
    if must_be_proven:
        raise doubt
    on_event(ImageDoubted(installed.uuid, doubt.message))


def _missing_proof(installed: InstalledImage, offered: Manifest | None) -> str | None:
    if offered is None:
        return "the source does not have it"
    if offered.file is None or offered.file.sha1 is None:
        return "the source does not tell the SHA-1 of its file"
    if recorded_sha1(installed) is None:
        return "the SHA-1 of the file that it came from is not recorded"
    return None


def _sha1_in(manifest: Mapping[str, Any]) -> str | None:
    files = manifest.get("files")
    first = files[0] if isinstance(files, list) and files else None
    sha1 = first.get("sha1") if isinstance(first, dict) else None
    return sha1 if isinstance(sha1, str) else None
