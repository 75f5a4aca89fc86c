"""The stage that downloads a file over HTTP as one unbroken stream of bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, get_args

from imgadm.streams.engine.arguments import (
    check_choice,
    check_count,
    check_headers,
    check_kind,
    check_seconds,
    check_web_address,
)
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage
from imgadm.streams.errors import SizeError
from imgadm.streams.http.answers.body import Body
from imgadm.streams.http.remote_file import HttpFile, RemoteFile
from imgadm.streams.http.resuming import ResumedFile
from imgadm.streams.http.retries import RetryPolicy
from imgadm.streams.http.wanted import ContentMd5, UseOfMd5, Wanted

if TYPE_CHECKING:
    from requests import Session

_DELAYS = (0.0, 0.5, 1.0, 2.0)
"""The seconds to wait after each attempt in a row that brought nothing."""


class _HttpGet(Stage):
    """The stage that :func:`http_get` and :func:`http_get_file` make."""

    name = "fetch"
    role = "source"
    moves_descriptors = True

    def __init__(
        self,
        file: RemoteFile,
        size: int | None,
        length_required: bool,
        retries: RetryPolicy,
        content_md5: UseOfMd5 = "ignored",
    ) -> None:
        check_kind("file", file, RemoteFile, "a RemoteFile such as an HttpFile")
        check_count("size", size)
        check_choice("content_md5", content_md5, get_args(UseOfMd5))
        self._resumed = ResumedFile(file, retries)
        self._immutable = file.immutable
        self._wanted = Wanted(size, length_required, content_md5)
        self._md5: ContentMd5 | None = None

    def open(self, context: Context) -> None:
        body, headers = self._resumed.open(context)
        self.total = self._wanted.total_of(body, headers)
        self._md5 = self._wanted.md5_of(body, headers)
        self.verifies = self._md5 is not None
        self.moves_descriptors = body.is_plain and self._md5 is None
        remembered = context.downstream is not None and context.downstream.remembers_sha1
        if not remembered and not self._immutable:
            self._resumed.hash_delivered()
            self.moves_descriptors = False

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        self._resumed.deliver(
            context, lambda body: self._pass_on(body, context, outlet), total=self.total
        )
        if self._md5 is not None:
            context.facts["content_md5"] = self._md5.checked(context.meter.bytes_out)

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        self._resumed.deliver(
            context,
            lambda body: body.move_to(sink, context.cancel, context.meter),
            total=self.total,
            into_pipe=True,
        )

    def _pass_on(self, body: Body, context: Context, outlet: Outlet) -> None:
        while True:
            buffer = outlet.buffer()
            size = body.readinto(buffer.view, context.cancel, context.meter)
            if size == 0:
                buffer.release()
                return
            got = context.meter.bytes_out + size
            if self.total is not None and got > self.total:
                raise SizeError(
                    f"expected {self.total} bytes, the server sends more",
                    offset=self.total,
                    got=got,
                    wanted=self.total,
                )
            self._resumed.count(buffer.view[:size])
            if self._md5 is not None:
                self._md5.update(buffer.view[:size])
            context.meter.add_in(size)
            outlet.put(buffer.keep(size))

    def close(self) -> None:
        self._resumed.close()


def _policy(delays: tuple[float, ...]) -> RetryPolicy:
    check_kind("delays", delays, Sequence, "a sequence of seconds")
    for delay in delays:
        check_seconds("one of delays", delay, zero=True)
    return RetryPolicy(tuple(delays))


def http_get(
    url: str,
    *,
    session: Session | None = None,
    headers: Mapping[str, str] | None = None,
    size: int | None = None,
    length_required: bool = False,
    stall_timeout: float = 30.0,
    connect_timeout: float = 15.0,
    delays: tuple[float, ...] = _DELAYS,
    content_md5: UseOfMd5 = "ignored",
) -> Stage:
    """Return a source that downloads ``url`` (http or https).

    Timeouts and delays are in seconds. ``session`` is a :class:`requests.Session`, with its own
    proxies, certificates and headers. ``size`` is the number of bytes that must come. The stage
    refuses an answer that promises another number, and one that brings more bytes than ``size``.
    With ``length_required`` it also refuses an answer that promises no number.

    A content coding is undone, unless the coded answer has exactly ``size`` bytes. A web page is
    refused, unless it has exactly ``size`` bytes. With ``content_md5`` ``checked``, the file must
    have the MD5 that the server names, if it names one; with ``required``, a server that names none
    is refused. The stage sets ``report.facts["open_ended"]`` if only the end of the connection
    marked the end of the file: the file may then be cut short.

    A connection is lost if it is cut, if it brings nothing for ``stall_timeout``, or if it brings
    fewer than 512 bytes a second for four times as long (at most 120 seconds). The stage then
    connects again and continues. It asks for the missing ``Range`` if the server proves that the
    file is the same (RFC 9110, section 13.1.5). Otherwise it reads again the bytes that it has
    delivered, which must have the same hash. After each attempt in a row that brings nothing, the
    stage waits the next of ``delays``, by default 0, 0.5, 1 and 2 seconds. The download fails after
    the last of them, and after :data:`imgadm.streams.http.resuming.MAX_RESUMES` lost connections.
    The report notes how often it was resumed.

    The stage raises FetchError (no connection, an answer other than 200, a file that changed) and
    SizeError.
    """
    check_web_address(url)
    check_headers(headers)
    check_seconds("stall_timeout", stall_timeout)
    check_seconds("connect_timeout", connect_timeout)
    file = HttpFile(url, session, headers or {}, (connect_timeout, stall_timeout), size=size)
    return _HttpGet(file, size, length_required, _policy(delays), content_md5)


def http_get_file(
    file: RemoteFile,
    *,
    size: int | None = None,
    length_required: bool = False,
    delays: tuple[float, ...] = _DELAYS,
) -> Stage:
    """Return a source that downloads ``file`` as :func:`http_get` downloads the file at a URL.

    ``size``, ``length_required`` and ``delays`` are those of :func:`http_get`, and so are the
    errors that the stage raises.
    """
    return _HttpGet(file, size, length_required, _policy(delays))
