"""Errors of registries, besides those that every source can have.

Scripts know the codes from the first version of imgadm.
"""

from __future__ import annotations

from imgadm.base.errors import UsageError
from imgadm.client.errors import SourceError


class InvalidDockerRepoError(UsageError):
    """``name``, a printable text, is no name of an image in a registry; ``reason`` says why."""

    code = "InvalidDockerRepo"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"invalid image name {name}: {reason}")
        self.name = name
        self.reason = reason


class RegistryError(SourceError):
    """Base of the errors below: ``url`` is the registry's, and the message names the image."""

    code = "InternalError"

    def __init__(
        self,
        url: str,
        reason: str,
        *,
        code: str | None = None,
        cause: BaseException | None = None,
    ) -> None:
        own = type(self).code or RegistryError.code
        super().__init__(url, reason, code=code or own, cause=cause)


class NotInRegistryError(RegistryError):
    """The registry has no such repository, tag, manifest or blob."""

    code = "ImageNotFound"


class UnauthorizedError(RegistryError):
    """The registry refuses access, with the credentials that we have or without any."""

    code = "UnauthorizedError"


class TooManyRequestsError(RegistryError):
    """The registry asks for a longer wait than the client is ready for."""

    code = "TOOMANYREQUESTS"


class BadDigestError(RegistryError):
    """The registry sent content with another digest than the one that was asked for."""

    code = "BadDigestError"


class InvalidContentError(RegistryError):
    """A document of the registry does not have the form of its type."""

    code = "InvalidContentError"


class InvalidDockerInfoError(RegistryError):
    """The registry has the image only for another platform, or of an unknown type or version."""

    code = "InvalidDockerInfo"
