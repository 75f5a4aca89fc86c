"""The replies to changes that a writable folder refuses, as IMGAPI clients know them."""

from __future__ import annotations

from imgadm.serve.catalogues.writable.refusals import Refusal, RefusedError
from imgadm.serve.http.replies import HttpError

_REPLIES = {
    Refusal.UNKNOWN: (404, "ResourceNotFound"),
    Refusal.TAKEN: (409, "ImageUuidAlreadyExists"),
    Refusal.NO_ORIGIN: (422, "OriginDoesNotExist"),
    Refusal.HAS_CHILDREN: (422, "ImageHasDependentImages"),
    Refusal.ACTIVATED: (422, "ImageAlreadyActivated"),
    Refusal.IMMUTABLE: (422, "ImageFilesImmutable"),
    Refusal.NO_FILE: (422, "NoActivationNoFile"),
    Refusal.UPLOADING: (409, "Upload"),
    Refusal.TOO_BIG: (400, "Upload"),
    Refusal.BAD_FILE: (400, "Download"),
    Refusal.NO_SPACE: (503, "StorageIsDown"),
}
"""Status and code of the reply to each refusal."""


def refusal_reply(error: RefusedError) -> HttpError:
    """Return the reply to a change that was refused."""
    status, code = _REPLIES[error.refusal]
    return HttpError(status, code, str(error))
