"""The errors of a pipeline. Each has the stage, the place, and what the stage got and wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imgadm.streams.http.retries import BUSY


class StreamError(Exception):
    """The failure of a stage.

    ``stage`` is its name. ``offset`` is the byte of its input at which it failed, None where an
    offset has no meaning. ``got`` and ``wanted`` are the two sides of a comparison that failed,
    None where nothing was compared.
    """

    def __init__(
        self,
        message: str,
        *,
        stage: str = "",
        offset: int | None = None,
        got: object = None,
        wanted: object = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.stage = stage
        self.offset = offset
        self.got = got
        self.wanted = wanted


class MisuseError(StreamError, ValueError):
    """A call or a pipeline that can't work, refused before anything is opened.

    ``got`` is the value that the caller gave, and ``wanted`` the one that was expected. ``stage``
    names the stage that is at fault, if a single one is.
    """


class UnreadError(StreamError):
    """A stage ended without an error before it had read all of its input.

    ``reader`` is the index of that stage in the pipeline, None if the stage itself raises this.
    """

    def __init__(self, stage: str, *, offset: int, reader: int | None = None) -> None:
        super().__init__(f"{stage} ended before it had read everything", stage=stage, offset=offset)
        self.reader = reader


class FetchError(StreamError):
    """The failure of a download.

    ``code`` is an errno name or the server's error code, None if there is neither. ``status`` and
    ``headers`` are those of the answer. ``final``: another attempt would fail in the same way.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        final: bool = False,
        offset: int | None = None,
    ) -> None:
        super().__init__(message, offset=offset)
        self.code = code
        self.status = status
        self.headers = headers or {}
        self.final = final

    @property
    def transient(self) -> bool:
        """Whether another attempt may succeed: there was no answer, or the server is ``busy``."""
        return not self.final and (self.status is None or self.busy)

    @property
    def busy(self) -> bool:
        """Whether the server answered that it can't serve the file now (the statuses in BUSY)."""
        return self.status in BUSY


@dataclass(frozen=True)
class UploadAnswer:
    """The answer of a server to an upload: the HTTP status, the type of the body, and the body."""

    status: int
    content_type: str
    body: bytes


class SendError(StreamError):
    """The failure of an upload: the connection broke, or the server refuses the bytes.

    ``code`` is an errno name, None if there is none. ``answer`` is the answer of the server, None
    if it has not answered. ``begun`` is False if no connection was made, so that the server can't
    know of the upload. ``reason`` is the message without the URL.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        answer: UploadAnswer | None = None,
        offset: int | None = None,
        begun: bool = True,
        reason: str | None = None,
    ) -> None:
        super().__init__(message, offset=offset)
        self.reason = reason or message
        self.code = code
        self.answer = answer
        self.begun = begun


class SizeError(StreamError):
    """More or fewer bytes than promised."""


class ChecksumError(StreamError):
    """A digest that is not the expected one. ``algorithm`` is the name of the hash."""

    def __init__(self, algorithm: str, *, got: str, wanted: str, offset: int) -> None:
        super().__init__(
            f'{algorithm} is "{got}", expected "{wanted}"', offset=offset, got=got, wanted=wanted
        )
        self.algorithm = algorithm


class DecompressionError(StreamError):
    """Bytes that are damaged, or not in the compression that the caller has named.

    ``reason`` is the message without the name of the format, ``compression``.
    """

    def __init__(
        self,
        compression: str,
        reason: str,
        *,
        offset: int,
        got: str | None = None,
        wanted: str | None = None,
    ) -> None:
        super().__init__(f"{compression}: {reason}", offset=offset, got=got, wanted=wanted)
        self.compression = compression
        self.reason = reason


class CompressionError(StreamError):
    """The failure to compress the bytes."""

    def __init__(self, compression: str, reason: str, *, offset: int) -> None:
        super().__init__(f"{compression}: {reason}", offset=offset)
        self.compression = compression


class ZfsStreamError(StreamError):
    """Bytes that are no ZFS send stream, or a stream that can't be applied.

    ``kind`` is one of ``truncated``, ``trailing``, ``checksum``, ``format``, ``unsupported``,
    ``origin``, ``size`` and ``io``.
    """

    def __init__(self, kind: str, message: str, *, offset: int) -> None:
        super().__init__(message, offset=offset)
        self.kind = kind


class ProcessError(StreamError):
    """The failure of an external program at either end of a pipeline.

    ``status`` is its exit status, or the negative number of the signal that ended it. ``stderr`` is
    the end of its standard error, ``argv`` its command line.
    """

    def __init__(self, program: str, status: int, stderr: str, *, argv: Sequence[str] = ()) -> None:
        how = f"exit code {status}" if status >= 0 else f"signal {-status}"
        said = f": {stderr}" if stderr else ""
        super().__init__(f"{program} failed with {how}{said}")
        self.program = program
        self.argv = tuple(argv)
        self.status = status
        self.stderr = stderr
