"""The translation of failures of pipelines into errors of the tool.

There is one function for each purpose of a pipeline. Failures that all purposes share are worded
once.
"""

from __future__ import annotations

import errno
from pathlib import Path

from imgadm import streams
from imgadm.base.errors import FileSystemError, ImgadmError, InternalError
from imgadm.client.errors import ClientError
from imgadm.layers import LayerError
from imgadm.operations.errors import (
    DownloadError,
    InvalidDiskError,
    InvalidStreamError,
    UncompressionError,
    UploadError,
)
from imgadm.sources import Repository, SourceError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def explain_reception(
    error: streams.StreamError | OSError,
    uuid: str,
    pool: str,
    *,
    local_file: Path | None = None,
) -> ImgadmError:
    """Return the error for the image ``uuid`` that could not be received into ``pool``.

    ``local_file`` is the file on this host that its bytes came from, None for a download.
    """
    match error:
        case streams.ProcessError():
            message = f"{error.program} error while importing: {_ending(error)}"
            return InternalError(message, cause=error)
        case streams.ChecksumError() | streams.SizeError() if local_file is not None:
            return wrong_local_file(DownloadError, local_file, error)
        case streams.ChecksumError():
            kind = "Content-MD5" if error.algorithm == "Content-MD5" else "checksum"
            algorithm = "" if kind == "Content-MD5" else f" ({error.algorithm})"
            return DownloadError(
                f"image {uuid} file {kind}{algorithm} error: "
                f'expected "{error.wanted}", downloaded checksum was "{error.got}"',
                cause=error,
            )
        case streams.SizeError():
            return DownloadError(_wrong_download(error, uuid), cause=error)
        case streams.FetchError(code="Unverified"):
            return DownloadError(
                f'the manifest of image {uuid} has no "sha1", and its server sends no Content-MD5: '
                "nothing can tell whether its file is the right one; --unverified imports it "
                "without that check",
                cause=error,
            )
        case streams.FetchError():
            return DownloadError(error.message, code=error.code, cause=error)
        case streams.DecompressionError():
            kind = "" if error.compression in ("none", "unknown") else f"{error.compression} "
            return UncompressionError(
                f"{kind}uncompression error while importing image {uuid}: "
                f"{error.reason} (at byte {error.offset} of the file)",
                cause=error,
            )
        case streams.ZfsStreamError():
            return _unusable_stream(error, uuid)
    return _explain(
        error,
        f"error importing image {uuid}",
        no_space=f'no space left for image {uuid} in pool "{pool}"; free some, or name another '
        "pool with -P",
    )


def explain_layer(
    error: streams.StreamError | OSError,
    uuid: str,
    pool: str,
    *,
    local_file: Path | None = None,
) -> ImgadmError:
    """Return the error for a layer that arrived and could not be unpacked.

    The arguments are those of :func:`explain_reception`. A ChecksumError is about the archive
    inside the layer.
    """
    match error:
        case streams.ChecksumError():
            return UncompressionError(
                f"the layer of image {uuid} holds other files than its configuration says: "
                f'{error.algorithm} of the archive is "{error.got}", expected "{error.wanted}"',
                cause=error,
            )
        case LayerError():
            return UncompressionError(
                f"the layer of image {uuid} cannot be unpacked: {error.reason}", cause=error
            )
    return explain_reception(error, uuid, pool, local_file=local_file)


def explain_stored_layer(error: BaseException, path: Path, uuid: str, pool: str) -> ImgadmError:
    """Return the error for the file ``path``, a layer on ``pool`` that could not be unpacked.

    ``uuid`` is the image that it was unpacked for. If the disk was full, the error is about that
    image, because the file is not at fault.
    """
    if isinstance(error, OSError) and error.errno in _FULL:
        return explain_reception(error, uuid, pool)
    return FileSystemError(
        f'"{path}" is damaged ({error}); delete that image and those that are based on it, and '
        "import it again",
        cause=error,
    )


def explain_creation(error: streams.StreamError | OSError, action: str) -> ImgadmError:
    """Return the error for a new image whose stream could not be made or kept.

    ``action`` says what the pipeline did: ``writing "a file"``.
    """
    if isinstance(error, streams.ProcessError):
        said = "\n".join(f"        {line}" for line in error.stderr.splitlines())
        return InternalError(
            f"{error.program} error: {_ending(error)}\n    cmd: {' '.join(error.argv)}"
            f"\n    stderr:\n{said}",
            cause=error,
        )
    return _explain(
        error,
        f"error {action}",
        no_space=f"error {action}: no space left; free some, or write elsewhere with -o",
    )


def explain_publication(error: streams.StreamError | OSError, path: Path) -> ImgadmError:
    """Return the error for ``path``, the file of an image that could not be published."""
    match error:
        case streams.ChecksumError() | streams.SizeError():
            return wrong_local_file(UploadError, path, error)
        case streams.StreamError():
            return _explain(error, f"error publishing {path}")
    return _explain(error, f'cannot read "{path}"')


def explain_upload(error: streams.SendError, repository: Repository, uuid: str) -> ImgadmError:
    """Return the error for a failed upload, in the words of the server if it answered."""
    if error.answer is not None:
        answer = error.answer
        try:
            repository.stored(uuid, answer.status, answer.content_type, answer.body)
        except SourceError as failure:
            return failure.named()
    return ClientError(f"{repository.url}: Error: {error.reason}", cause=error)


def wrong_local_file(
    kind: type[ImgadmError], path: Path, error: streams.ChecksumError | streams.SizeError
) -> ImgadmError:
    """Return an error of the given ``kind``: the file at ``path`` is not the manifest's."""
    if isinstance(error, streams.ChecksumError):
        message = (
            f"image file checksum ({error.algorithm}) error: manifest says "
            f'"{error.wanted}", {path} is "{error.got}"'
        )
        return kind(message, cause=error)
    return wrong_local_size(kind, path, wanted=error.wanted, got=error.got, cause=error)


def wrong_local_size(
    kind: type[ImgadmError],
    path: Path,
    *,
    wanted: object,
    got: object,
    cause: BaseException | None = None,
) -> ImgadmError:
    """Return an error of the given ``kind``: the file at ``path`` has another size, in bytes."""
    return kind(
        f"image file size error: manifest says {wanted} bytes, {path} is {got} bytes", cause=cause
    )


def _explain(
    error: streams.StreamError | OSError, action: str, *, no_space: str | None = None
) -> ImgadmError:
    """Return the error for what can go wrong in a pipeline of any purpose."""
    match error:
        case streams.DiskChangedError() | streams.DiskFormatError():
            return InvalidDiskError(error.message, cause=error)
        case streams.StreamError():
            return InternalError(f"{action}: {error.message}", cause=error)
    if no_space is not None and error.errno in _FULL:
        return FileSystemError(no_space, code=errno.errorcode[error.errno], cause=error)
    return FileSystemError.from_os_error(action, error)


def _unusable_stream(error: streams.ZfsStreamError, uuid: str) -> ImgadmError:
    kind = InternalError if error.kind == "io" else InvalidStreamError
    hint = ""
    if error.kind == "size":
        # For an image of a disk that was resized, the original tool records the origin's size.
        hint = (
            '; that is "image_size" of the manifest, and one of the two is wrong: if the '
            "volume is right, install the file with a manifest that has its size"
        )
    return kind(
        f"the ZFS stream of image {uuid} cannot be received: {error.message}{hint}", cause=error
    )


def _wrong_download(error: streams.SizeError, uuid: str) -> str:
    if error.stage == "fetch" and error.offset is None:
        if not isinstance(error.got, int):
            return (
                "unexpected missing or invalid Content-Length header: "
                f"{'undefined' if error.got is None else error.got}"
            )
        return (
            f"unexpected mismatch between expected size, {error.wanted}, "
            f"and Content-Length header, {error.got}"
        )
    return (
        f"image {uuid} file size error: expected {error.wanted} bytes, downloaded {error.got} bytes"
    )


def _ending(error: streams.ProcessError) -> str:
    return f"exit code {error.status}" if error.status >= 0 else f"signal {-error.status}"
