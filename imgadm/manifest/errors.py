"""Errors of manifests and of the platforms that they ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imgadm.base.errors import ImgadmError


class InvalidManifestError(ImgadmError):
    """A manifest is not JSON, not an object, or of an unknown version; ``reason`` says which."""

    code = "InvalidManifest"

    def __init__(self, reason: str, *, cause: BaseException | None = None) -> None:
        super().__init__(f"manifest is invalid: {reason}", cause=cause)
        self.reason = reason


class ManifestValidationError(ImgadmError):
    """A manifest breaks rules of the format.

    ``errors`` has one item for each broken rule: ``{"field": ..., "code": ..., "message": ...}``,
    where ``message`` is optional.
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


class PlatformError(ImgadmError):
    """The image needs a platform older or newer than this one."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code=code)
