"""Errors of the tool, each with the code and the exit status that scripts depend on.

The line an operator sees is ``imgadm COMMAND: error (CODE): MESSAGE``. A message says what was
got, what was wanted and, where the fixed texts leave room for it, what to do.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Any


class ImgadmError(Exception):
    """Base of every error that a command ends with.

    ``code`` goes into the error line and into ``-E`` records; ``None`` leaves the parentheses
    out. ``cause`` is the error underneath, shown after the message in verbose runs. Of an error
    that is ``told``, what was printed before it says enough: only ``-E`` adds to that.
    """

    code: str | None = None
    exit_status: int = 1
    told: bool = False

    def __init__(
        self, message: str, *, code: str | None = None, cause: BaseException | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.cause = cause

    def __str__(self) -> str:
        return self.message


class InternalError(ImgadmError):
    """An external program failed, or the host did something that it should not."""

    code = "InternalError"


class UsageError(ImgadmError):
    """The arguments make no sense; exit status 2, as the manual promises."""

    code = "Usage"
    exit_status = 2


class OptionError(UsageError):
    """An option is unknown or lacks its value."""

    code = "Option"


class UnknownCommandError(UsageError):
    """The command name is not one of ours."""

    code = "UnknownCommand"

    def __init__(self, name: str) -> None:
        super().__init__(f'unknown command: "{name}"')


class NoCommandError(ImgadmError):
    """No command was given; the help was printed instead."""

    code = "NoCommand"
    told = True

    def __init__(self) -> None:
        super().__init__("no command given")


class DeclinedError(ImgadmError):
    """The operator was asked whether to go on, and did not say yes."""

    code = "Declined"
    told = True

    def __init__(self) -> None:
        super().__init__("not confirmed")


class ConfigError(ImgadmError):
    """The configuration file, or a source in it, is not what it should be."""

    code = "ConfigError"


class InvalidURLError(ConfigError):
    """A URL of a source or proxy is none, for ``reason``; ``shown`` is it without secrets."""

    def __init__(self, shown: str, reason: str) -> None:
        super().__init__(f'invalid image source URL "{shown}": {reason}')
        self.shown = shown
        self.reason = reason


class UpgradeError(ImgadmError):
    """The state on this host is of a version that nobody knows how to bring up to date."""

    code = "UpgradeError"


class InvalidUUIDError(ImgadmError):
    """A UUID is not 32 lower-case hexadecimal digits in five groups."""

    code = "InvalidUUID"

    def __init__(self, uuid: str) -> None:
        super().__init__(f'invalid uuid: "{uuid}"')


class InvalidDockerRepoError(UsageError):
    """What should name an image in a Docker registry does not, for ``reason``; ``name`` is safe."""

    code = "InvalidDockerRepo"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"invalid image name {name}: {reason}")
        self.name = name
        self.reason = reason


class InvalidManifestError(ImgadmError):
    """A manifest is not JSON, not an object, or of an unknown version."""

    code = "InvalidManifest"

    def __init__(self, reason: str, *, cause: BaseException | None = None) -> None:
        super().__init__(f"manifest is invalid: {reason}", cause=cause)


class ManifestValidationError(ImgadmError):
    """A manifest breaks rules of the format; ``errors`` has every one of them.

    Each item is ``{"field": ..., "code": ..., "message": ...}``, ``message`` being optional.
    """

    code = "ManifestValidation"

    def __init__(self, errors: Sequence[Mapping[str, str]]) -> None:
        super().__init__("invalid manifest: " + ", ".join(map(self._item, errors)))
        self.errors = list(errors)

    @staticmethod
    def _item(error: Mapping[str, str]) -> str:
        if message := error.get("message"):
            return f"{error['field']} ({message})"
        if error["code"] == "Invalid":
            return error["field"]
        return f"{error['field']} ({error['code']})"


class NoSourcesError(ImgadmError):
    """No image source is configured."""

    code = "NoSources"

    def __init__(self) -> None:
        super().__init__("imgadm has no configured sources")


class SourcePingError(ImgadmError):
    """A source does not answer as a source of its type should."""

    code = "SourcePing"


class ClientError(ImgadmError):
    """A source could not be reached."""

    code = "ClientError"


class APIError(ImgadmError):
    """A source answered with an error; the code is the server's own.

    ``status`` is the HTTP status, ``body`` the decoded JSON body where there was one.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        body: Mapping[str, Any] | None = None,
        cause: BaseException | None = None,
    ) -> None:
        super().__init__(message, code=code, cause=cause)
        self.status = status
        self.body = body


class ImageNotFoundError(ImgadmError):
    """No source has the image."""

    code = "ImageNotFound"

    def __init__(self, image: str) -> None:
        super().__init__(f'image "{image}" was not found')


class ActiveImageNotFoundError(ImgadmError):
    """No source offers the image in state ``active``; ``hint`` is what may help."""

    code = "ActiveImageNotFound"

    def __init__(self, image: str, hint: str = "") -> None:
        more = f"; {hint}" if hint else ""
        super().__init__(f'an active image "{image}" was not found in image sources{more}')


class ImageNotInstalledError(ImgadmError):
    """The image is not on the pool; exit status 3."""

    code = "ImageNotInstalled"
    exit_status = 3

    def __init__(self, uuid: str, pool: str) -> None:
        super().__init__(f'image "{uuid}" was not found on zpool "{pool}"')


class OriginNotInstalledError(ImgadmError):
    """The image that this one is based on is not on the pool; exit status 3."""

    code = "OriginNotInstalled"
    exit_status = 3

    def __init__(self, uuid: str, pool: str) -> None:
        super().__init__(f'origin image "{uuid}" was not found on zpool "{pool}"')


class OriginNotFoundInSourceError(ImgadmError):
    """A source offers an image, but not the one that it is based on."""

    code = "OriginNotFoundInSource"

    def __init__(self, uuid: str, url: str) -> None:
        super().__init__(f'origin image "{uuid}" does not exist in image source "{url}"')


class LayerNotVerifiedError(ImgadmError):
    """An installed image that layers would go on top of may not hold the layer of that UUID."""

    code = "LayerNotVerified"

    def __init__(self, uuid: str, pool: str) -> None:
        super().__init__(
            f'image "{uuid}" on "{pool}" is not recorded to hold the layer that its UUID stands '
            "for, so nothing is built on it; delete the images that are based on it, then it "
            f'("imgadm delete {uuid}"), and import again'
        )


class OriginNotVerifiedError(ImgadmError):
    """An installed image is not, or may not be, the one that a source has under its UUID."""

    code = "OriginNotVerified"

    def __init__(self, uuid: str, url: str, reason: str) -> None:
        super().__init__(
            f'image "{uuid}" is installed, but may not be the one that "{url}" has: {reason}; if '
            "that source is right, delete the images that are based on the installed one, then "
            f'that ("imgadm delete {uuid}"), and import again'
        )


class ImageHasDependentClonesError(ImgadmError):
    """Other datasets or images are based on the image."""

    code = "ImageHasDependentClones"

    def __init__(self, uuid: str, clones: Sequence[str]) -> None:
        others = f" and {len(clones) - 1} others..." if len(clones) > 1 else ""
        super().__init__(f'image "{uuid}" has dependent clones: {clones[0]}{others}')


class PlatformError(ImgadmError):
    """The image needs a platform older or newer than this one."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code=code)


class DownloadError(ImgadmError):
    """The bytes of an image file are not those that its manifest promises."""

    code = "DownloadError"


class UploadError(ImgadmError):
    """The file of an image is not what was announced, or the server got something else."""

    code = "UploadError"


class InvalidDiskError(ImgadmError):
    """A file is not a disk that can be made an image."""

    code = "InvalidDisk"


class UncompressionError(ImgadmError):
    """An image file does not decompress as its manifest says it should."""

    code = "UncompressionError"


class InvalidStreamError(ImgadmError):
    """An image file is not a ZFS stream that can be received: damaged, cut, or of another kind."""

    code = "InvalidStream"


class UnexpectedNumberOfSnapshotsError(ImgadmError):
    """A received image must have exactly one snapshot."""

    code = "UnexpectedNumberOfSnapshots"

    def __init__(self, uuid: str, snapshots: Sequence[str]) -> None:
        names = ": " + ", ".join(snapshots) if snapshots else ""
        super().__init__(
            f'image "{uuid}" has an unexpected number of snapshots ({len(snapshots)}){names}'
        )


class ImageMissingOriginalSnapshotError(ImgadmError):
    """None of the snapshots of an image is the one that it was installed with."""

    code = "ImageMissingOriginalSnapshot"

    def __init__(self, uuid: str, guid: str | None = None) -> None:
        expected = "" if guid is None else f" (expected a snapshot with guid {guid})"
        super().__init__(f'image "{uuid}" is missing its original snapshot{expected}')


class FileSystemError(ImgadmError):
    """A file could not be read or written."""

    code = "FileSystem"

    @classmethod
    def from_os_error(cls, action: str, error: OSError) -> FileSystemError:
        """Say that ``action`` failed, with the name of the errno (``EACCES``) as the code."""
        number = error.errno
        code = errno.errorcode.get(number, cls.code) if number is not None else cls.code
        return cls(f"{action}: {error.strerror or error}", code=code, cause=error)


class LockedError(ImgadmError):
    """Another process holds a lock and waiting was refused."""

    code = "Locked"


class NotSupportedError(ImgadmError):
    """Something that makes sense, but that we do not do."""

    code = "NotSupported"


class MultiError(ImgadmError):
    """Several independent failures."""

    code = "MultiError"

    def __init__(self, errors: Sequence[ImgadmError]) -> None:
        lines = [f"multiple ({len(errors)}) errors"]
        lines += [f"    error ({error.code}): {error.message}" for error in errors]
        super().__init__("\n".join(lines))
        self.errors = list(errors)
