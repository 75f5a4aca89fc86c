"""What an update of installed images tells of, as data for whoever shows it.

Of changes it tells once they are made, and in a dry run that they would be made.
"""

from __future__ import annotations

from dataclasses import dataclass

from imgadm.operations.events import LockAwaited, SourceFailed


@dataclass(frozen=True)
class ManifestAdded:
    """Nothing was recorded of the image but its UUID; now there is the manifest from ``url``."""

    uuid: str
    url: str


@dataclass(frozen=True)
class ManifestUpdated:
    """These fields of the recorded manifest differed from the one at ``url``."""

    uuid: str
    url: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class SnapshotRenamed:
    """The snapshot that the image was installed with is called ``@final`` again."""

    uuid: str
    old: str
    new: str


@dataclass(frozen=True)
class OriginalUnknown:
    """The image has no ``@final``, and the source does not say which snapshot it should be."""

    uuid: str


@dataclass(frozen=True)
class OtherImage:
    """The source has another image under this UUID, says ``message``; the record stays."""

    uuid: str
    message: str


@dataclass(frozen=True)
class NotInSources:
    """No source has the image, which stays as it is."""

    uuid: str


Notice = (
    ManifestAdded
    | ManifestUpdated
    | SnapshotRenamed
    | OriginalUnknown
    | OtherImage
    | NotInSources
    | SourceFailed
    | LockAwaited
)
