"""Errors of operations on images: which image, where, and what is wrong with it or its file."""

from __future__ import annotations

from collections.abc import Sequence

from imgadm.base.errors import ImgadmError


class ImageNotFoundError(ImgadmError):
    """No source has ``image``."""

    code = "ImageNotFound"

    def __init__(self, image: str) -> None:
        super().__init__(f'image "{image}" was not found')
        self.image = image


class ActiveImageNotFoundError(ImgadmError):
    """No source offers ``image`` in state ``active``; ``advice`` says what may help."""

    code = "ActiveImageNotFound"

    def __init__(self, image: str, advice: str = "") -> None:
        more = f"; {advice}" if advice else ""
        super().__init__(f'an active image "{image}" was not found in image sources{more}')
        self.image = image


class ImageNotInstalledError(ImgadmError):
    """The image ``uuid`` is not on ``pool``; exit status 3."""

    code = "ImageNotInstalled"
    exit_status = 3

    def __init__(self, uuid: str, pool: str) -> None:
        super().__init__(f'image "{uuid}" was not found on {_title_of(pool)}')
        self.uuid = uuid
        self.pool = pool


class OriginNotInstalledError(ImgadmError):
    """The image ``uuid``, which another one is based on, is not on ``pool``; exit status 3."""

    code = "OriginNotInstalled"
    exit_status = 3

    def __init__(self, uuid: str, pool: str) -> None:
        super().__init__(f'origin image "{uuid}" was not found on {_title_of(pool)}')
        self.uuid = uuid
        self.pool = pool


class OriginNotFoundInSourceError(ImgadmError):
    """The source at ``url`` offers an image, but not the image ``uuid`` that it is based on."""

    code = "OriginNotFoundInSource"

    def __init__(self, uuid: str, url: str) -> None:
        super().__init__(f'origin image "{uuid}" does not exist in image source "{url}"')
        self.uuid = uuid
        self.url = url


class LayerNotVerifiedError(ImgadmError):
    """The installed image ``uuid`` may not hold the layer that its UUID stands for."""

    code = "LayerNotVerified"

    def __init__(self, uuid: str, pool: str) -> None:
        super().__init__(
            f'image "{uuid}" on "{pool}" is not recorded to hold the layer that its UUID stands '
            "for, so imgadm builds nothing on it; delete the images that are based on it, then the "
            f'image itself ("imgadm delete {uuid}"), and import again'
        )
        self.uuid = uuid
        self.pool = pool


class OriginNotVerifiedError(ImgadmError):
    """The installed image ``uuid`` may not be the one that the source at ``url`` has.

    ``reason`` says what differs, or what could not be compared.
    """

    code = "OriginNotVerified"

    def __init__(self, uuid: str, url: str, reason: str) -> None:
        super().__init__(
            f'image "{uuid}" is installed, but may not be the one that "{url}" has: {reason}; if '
            "that source is right, delete the images that are based on the installed one, then the "
            f'installed one itself ("imgadm delete {uuid}"), and import again'
        )
        self.uuid = uuid
        self.url = url
        self.reason = reason


class ImageHasDependentClonesError(ImgadmError):
    """Other datasets or images, ``clones``, are based on the image ``uuid``."""

    code = "ImageHasDependentClones"

    def __init__(self, uuid: str, clones: Sequence[str]) -> None:
        others = f" and {len(clones) - 1} others..." if len(clones) > 1 else ""
        super().__init__(f'image "{uuid}" has dependent clones: {clones[0]}{others}')
        self.uuid = uuid
        self.clones = list(clones)


class ImageMissingOriginalSnapshotError(ImgadmError):
    """No snapshot of the image ``uuid`` is the one that it was installed with.

    ``guid`` is the guid of the expected snapshot, None if it is unknown.
    """

    code = "ImageMissingOriginalSnapshot"

    def __init__(self, uuid: str, guid: str | None = None) -> None:
        expected = "" if guid is None else f" (expected a snapshot with guid {guid})"
        super().__init__(f'image "{uuid}" is missing its original snapshot{expected}')
        self.uuid = uuid
        self.guid = guid


class DownloadError(ImgadmError):
    """The bytes of an image file are not those that its manifest promises."""

    code = "DownloadError"


class UploadError(ImgadmError):
    """The file to publish is not the one of the manifest, or the server got other bytes."""

    code = "UploadError"


class InvalidDiskError(ImgadmError):
    """A file is not a disk that can become an image."""

    code = "InvalidDisk"


class UncompressionError(ImgadmError):
    """An image file does not decompress as its manifest says it should."""

    code = "UncompressionError"


class InvalidStreamError(ImgadmError):
    """An image file is not a ZFS stream that can be received: damaged, cut, or of another kind."""

    code = "InvalidStream"


def _title_of(pool: str) -> str:
    """Return the kind and the name of a pool."""
    return f'{"directory pool" if "/" in pool else "zpool"} "{pool}"'
