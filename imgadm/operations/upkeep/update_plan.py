"""The comparison of an installed image with its manifest in a source, as a plan of changes."""

from __future__ import annotations

from dataclasses import dataclass

from imgadm.base.errors import ImgadmError
from imgadm.manifest import Manifest
from imgadm.operations.errors import ImageMissingOriginalSnapshotError, OriginNotVerifiedError
from imgadm.operations.events.upkeep import (
    ManifestAdded,
    ManifestUpdated,
    OriginalUnknown,
    OtherImage,
    SnapshotRenamed,
)
from imgadm.operations.importing.layer_trust import claimed_digest, recorded_digest
from imgadm.operations.importing.origin_trust import differs_from_source
from imgadm.operations.listing.installed_ancestry import recorded_origin
from imgadm.operations.upkeep.image_lookup import Found
from imgadm.operations.upkeep.manifest_changes import changed_fields
from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage


@dataclass(frozen=True)
class Plan:
    """The changes that an image needs, and the obstacle to the change of its snapshot."""

    manifest: ManifestAdded | ManifestUpdated | None = None
    snapshot: SnapshotRenamed | None = None
    obstacle: OriginalUnknown | OtherImage | ImgadmError | None = None

    @property
    def changes_something(self) -> bool:
        """Whether there is a change to make."""
        return self.manifest is not None or self.snapshot is not None


def plan_update(pool: Pool, image: InstalledImage, found: Found) -> Plan:
    """Return the changes that bring ``image``, on ``pool``, to the manifest in ``found``.

    If the source has another image under the same UUID, nothing changes, because the record would
    then claim that the installed image is that of the source. Raises what ``pool`` raises.
    """
    if (reason := _other_image(image, found)) is not None:
        error = OriginNotVerifiedError(image.uuid, found.source.url, reason)
        return Plan(obstacle=OtherImage(image.uuid, error.message))
    manifest = _manifest_change(image, found)
    snapshots = pool.snapshots(image)
    if any(snapshot.name.endswith("@final") for snapshot in snapshots):
        return Plan(manifest)
    if not snapshots:
        return Plan(manifest, obstacle=ImageMissingOriginalSnapshotError(image.uuid))
    guid = _original_guid(found.image)
    if guid is None:
        return Plan(manifest, obstacle=OriginalUnknown(image.uuid))
    for snapshot in snapshots:
        if snapshot.guid == guid:
            final = f"{snapshot.name.partition('@')[0]}@final"
            return Plan(manifest, SnapshotRenamed(image.uuid, snapshot.name, final))
    return Plan(manifest, obstacle=ImageMissingOriginalSnapshotError(image.uuid, guid))


def _other_image(image: InstalledImage, found: Found) -> str | None:
    """Return why an installed image is not the image in ``found``; None if nothing shows that."""
    is_layer = (image.manifest.get("type") == "docker", found.image.type == "docker")
    if image.manifest.get("type") and any(is_layer) and not all(is_layer):
        return "only one of them is an image of a layer"
    if (reason := _other_origin(image, found, is_layer=all(is_layer))) is not None:
        return reason
    if all(is_layer):
        ours = recorded_digest(image) or claimed_digest(image.manifest)
        theirs = claimed_digest(found.image.raw)
        if ours is not None and theirs is not None and ours != theirs:
            return f"the digest of its layer is {ours}, not {theirs}"
        return None
    return differs_from_source(image, found.image)


def _other_origin(image: InstalledImage, found: Found, *, is_layer: bool) -> str | None:
    """Return how the origins differ, None if they agree.

    The origin of an image cannot change. If the record named no origin, somebody could delete the
    origin that the image needs. An image whose record has none may have a manifest that its
    operator wrote; a layer without an origin is the first of its image. No image can be based on
    itself, and a record that says so would keep ``vacuum`` from removing the image.
    """
    ours, theirs = recorded_origin(image), found.image.origin
    if theirs == image.uuid:
        return "the source says that the image is based on itself"
    if ours == theirs or not (ours or (is_layer and image.manifest.get("name"))):
        return None
    return f"it is based on {ours or 'nothing'}, not on {theirs or 'nothing'}"


def _manifest_change(image: InstalledImage, found: Found) -> ManifestAdded | ManifestUpdated | None:
    url = found.source.url
    if not image.manifest.get("name"):
        return ManifestAdded(image.uuid, url)
    fields = changed_fields(image.manifest, found.image.raw)
    return ManifestUpdated(image.uuid, url, tuple(fields)) if fields else None


def _original_guid(image: Manifest) -> str | None:
    return None if image.file is None else image.file.dataset_guid
