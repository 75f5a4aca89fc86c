"""Errors of a pipeline: typed, and each saying which stage, where, what was got and wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imgadm.streams.http.retries import BUSY


class StreamError(Exception):
    """A stage failed.

    ``stage`` is its name, ``offset`` the byte of its input at which it failed (None where that
    has no meaning), ``got`` and ``wanted`` what the check compared (None where nothing was).
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

    ``got`` and ``wanted`` are what the caller gave and should have given. ``stage`` names the stage
    where one is to blame.
    """


class UnreadError(StreamError):
    """A stage ended, as if all were well, before it had read everything.

    ``reader`` is the index of that stage in the pipeline, where the engine raises the error.
    """

    def __init__(self, stage: str, *, offset: int, reader: int | None = None) -> None:
        super().__init__(f"{stage} ended before it had read everything", stage=stage, offset=offset)
        self.reader = reader


class FetchError(StreamError):
    """The bytes could not be fetched.

    ``code`` is an errno name or the server's error code where there is one, ``status`` the HTTP
    status of the answer and ``headers`` what came with it. One that is ``final`` would come again.
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
        """Whether trying again may help: there was no answer, or one that says "not now"."""
        return not self.final and (self.status is None or self.busy)

    @property
    def busy(self) -> bool:
        """Whether there was an answer, and it says "not now"."""
        return self.status in BUSY


@dataclass(frozen=True)
class UploadAnswer:
    """What a server said to an upload: the HTTP status, the type of the body, and the body."""

    status: int
    content_type: str
    body: bytes


class SendError(StreamError):
    """The bytes could not be sent, or the server does not want them.

    ``code`` is an errno name where there is one, ``answer`` what the server said, if it did.
    ``begun`` tells whether the server may know of the upload: False if nobody could be reached.
    ``reason`` is the message without the URL.
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
    """There were more or fewer bytes than promised."""


class ChecksumError(StreamError):
    """The digest of the bytes is not the expected one. ``algorithm`` names it."""

    def __init__(self, algorithm: str, *, got: str, wanted: str, offset: int) -> None:
        super().__init__(
            f'{algorithm} is "{got}", expected "{wanted}"', offset=offset, got=got, wanted=wanted
        )
        self.algorithm = algorithm


class DecompressionError(StreamError):
    """The bytes are not validly compressed, or not in the format that was named.

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
    """The bytes could not be compressed."""

    def __init__(self, compression: str, reason: str, *, offset: int) -> None:
        super().__init__(f"{compression}: {reason}", offset=offset)
        self.compression = compression


class ZfsStreamError(StreamError):
    """The bytes are not a ZFS send stream that can be applied.

    ``kind`` is one of ``truncated``, ``trailing``, ``checksum``, ``format``, ``unsupported``,
    ``origin``, ``size`` and ``io``.
    """

    def __init__(self, kind: str, message: str, *, offset: int) -> None:
        super().__init__(message, offset=offset)
        self.kind = kind


class ProcessError(StreamError):
    """An external program at either end of a pipeline failed.

    ``status`` is its exit status (negative: the signal that ended it), ``stderr`` its last words,
    ``argv`` how it was started.
    """

    def __init__(self, program: str, status: int, stderr: str, *, argv: Sequence[str] = ()) -> None:
        how = f"exit code {status}" if status >= 0 else f"signal {-status}"
        said = f": {stderr}" if stderr else ""
        super().__init__(f"{program} failed with {how}{said}")
        self.program = program
        self.argv = tuple(argv)
        self.status = status
        self.stderr = stderr
