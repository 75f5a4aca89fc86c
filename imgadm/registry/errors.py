"""What goes wrong with a registry, besides what goes wrong with every source.

The codes are those that the first imgadm gave.
"""

from __future__ import annotations

from imgadm.base.errors import UsageError
from imgadm.client.errors import SourceError


class InvalidDockerRepoError(UsageError):
    """``name``, which is printable, does not name an image in a registry, for ``reason``."""

    code = "InvalidDockerRepo"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"invalid image name {name}: {reason}")
        self.name = name
        self.reason = reason


class RegistryError(SourceError):
    """Base of these. ``url`` names the registry; the message says which image it is about."""

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
    """The registry does not let us, whoever it takes us for."""

    code = "UnauthorizedError"


class TooManyRequestsError(RegistryError):
    """The registry wants us to come back later than we are ready to wait."""

    code = "TOOMANYREQUESTS"


class BadDigestError(RegistryError):
    """What the registry sent is not what was asked for by its digest."""

    code = "BadDigestError"


class InvalidContentError(RegistryError):
    """A document of the registry is not what its type says."""

    code = "InvalidContentError"


class InvalidDockerInfoError(RegistryError):
    """There is an image, but none that we can use: of another platform, type or version."""

    code = "InvalidDockerInfo"
