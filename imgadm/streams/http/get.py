"""Fetching over HTTP, through dropped connections, as one unbroken stream of bytes."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, get_args

from imgadm._native import Sha1
from imgadm.streams.engine.arguments import (
    check_choice,
    check_count,
    check_headers,
    check_kind,
    check_seconds,
    check_web_address,
)
from imgadm.streams.engine.buffers import BUFFER_SIZE
from imgadm.streams.engine.interruptions import interruptible
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage
from imgadm.streams.errors import FetchError, SizeError, StreamError
from imgadm.streams.http.body import Body
from imgadm.streams.http.errors import connection_error
from imgadm.streams.http.file import HttpFile, RemoteFile
from imgadm.streams.http.head import FLOOR_BYTES_A_SECOND
from imgadm.streams.http.retries import RetryPolicy, retry_after
from imgadm.streams.http.wanted import ContentMd5, UseOfMd5, Wanted

if TYPE_CHECKING:
    from requests import Session

#: Seconds to wait before the next attempt, after each attempt in a row that brought nothing.
DELAYS = (0.0, 0.5, 1.0, 2.0)

#: Dropped connections that one fetch survives at most, however much each of them brought.
MAX_RESUMES = 20

#: Bytes that an attempt has to bring to count for something, if it ended because too little came.
_LEAST_OF_SLOW = 120 * FLOOR_BYTES_A_SECOND


class HttpGet(Stage):
    """See :func:`http_get`."""

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
        self._file = file
        self._wanted = Wanted(size, length_required, content_md5)
        self._retries = retries
        self._md5: ContentMd5 | None = None
        self._body: Body | None = None
        self._own_hash: Sha1 | None = None

    def open(self, context: Context) -> None:
        self._body, headers = self._first_answer(context)
        self.total = self._wanted.total_of(self._body, headers)
        self._md5 = self._wanted.md5_of(self._body, headers)
        self.verifies = self._md5 is not None
        self.moves_descriptors = self._body.is_plain and self._md5 is None
        remembered = context.downstream is not None and context.downstream.remembers_sha1
        if not remembered and not self._file.immutable:
            self._own_hash = Sha1()
            self.moves_descriptors = False

    def _first_answer(self, context: Context) -> tuple[Body, Mapping[str, str]]:
        """The first answer that is one; servers are asked again as they are later."""
        failures = 0
        while True:
            try:
                return self._file.open()
            except FetchError as error:
                failures += 1
                wait = None
                if error.transient and not self._file.patient:
                    wait = self._retries.wait(failures, asked=retry_after(error.headers))
                if wait is None:
                    raise
            context.cancel.wait(wait)

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        self._deliver(context, lambda body: self._pass_on(body, context, outlet))
        if self._md5 is not None:
            context.facts["content_md5"] = self._md5.checked(context.meter.bytes_out)

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        self._deliver(context, lambda body: body.move_to(sink, context.cancel, context.meter))

    def _deliver(self, context: Context, deliver: Callable[[Body], None]) -> None:
        """Deliver from one connection after the other until everything has been delivered."""
        meter = context.meter
        fruitless = resumes = 0
        while True:
            before = meter.bytes_out
            problem = self._attempt(context, deliver, reconnect=resumes > 0)
            if self._is_complete(problem, meter.bytes_out, context):
                break
            slow = problem is not None and problem.code == "ETIMEDOUT"
            least = _LEAST_OF_SLOW if slow else 1
            fruitless = 0 if meter.bytes_out - before >= least else fruitless + 1
            asked = 0.0 if problem is None else retry_after(problem.headers)
            wait = self._retries.wait(fruitless + 1, asked=asked)
            if wait is None or resumes >= MAX_RESUMES:
                raise self._gave_up(resumes, problem, meter.bytes_out)
            context.cancel.wait(wait)
            resumes += 1
        if resumes:
            times = "once" if resumes == 1 else f"{resumes} times"
            context.notes.append(f"the connection was lost and resumed {times}")

    def _is_complete(self, problem: FetchError | None, got: int, context: Context) -> bool:
        if self.total is not None:
            return got == self.total
        if problem is None and self._body is not None and self._body.is_open_ended:
            context.facts["open_ended"] = True
        return problem is None

    def _attempt(
        self, context: Context, deliver: Callable[[Body], None], *, reconnect: bool
    ) -> FetchError | None:
        """One connection until it ends; what ended it, unless that was the end of the bytes."""
        try:
            if reconnect:
                self._reconnect(context)
            assert self._body is not None
            deliver(self._body)
        except FetchError as error:
            if not error.transient:
                raise
            return error
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, BrokenPipeError) and self.moves_descriptors:
                raise  # the next stage's trouble, not the network's
            at = self._file.url if self._body is None else self._body.address
            return connection_error(error, at)
        return None

    def _gave_up(self, resumes: int, problem: FetchError | None, got: int) -> StreamError:
        of_total = "" if self.total is None else f" of {self.total}"
        tried = f"tried {resumes + 1} times, got {got} bytes{of_total}"
        if problem is None:
            return SizeError(
                f"the connection ended early ({tried})", offset=got, got=got, wanted=self.total
            )
        return FetchError(
            f"{problem.message} ({tried})", code=problem.code, status=problem.status, offset=got
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
            if self._own_hash is not None:
                self._own_hash.update(buffer.view[:size])
            if self._md5 is not None:
                self._md5.update(buffer.view[:size])
            context.meter.add_in(size)
            outlet.put(buffer.keep(size))

    def _reconnect(self, context: Context) -> None:
        """Connect again, and get to where the last connection ended."""
        position = context.meter.bytes_out
        assert self._body is not None
        self._body.close()
        opened = interruptible(
            lambda: self._file.open_at(position), context.cancel, discard=lambda it: it[0].close()
        )
        self._body, begins_at = opened
        if begins_at < position:
            self._discard_prefix(self._body, position, context)

    def _discard_prefix(self, body: Body, position: int, context: Context) -> None:
        """Read again what was delivered, and make sure that it is the same if it may be another."""
        again = Sha1()
        scratch = memoryview(bytearray(BUFFER_SIZE))
        while again.length < position:
            left = position - again.length
            size = body.readinto(scratch[:left], context.cancel, context.meter)
            if size == 0:
                raise ConnectionResetError("the connection ended again before the same place")
            again.update(scratch[:size])
        delivered = self._own_hash
        if delivered is None and context.downstream is not None and not self._file.immutable:
            delivered = context.downstream.sha1_at(position, context)
        if delivered is not None and again.digest() != delivered.digest():
            raise self._file.changed(position)

    def close(self) -> None:
        if self._body is not None:
            self._body.close()
        self._file.close()


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
    delays: tuple[float, ...] = DELAYS,
    content_md5: UseOfMd5 = "ignored",
) -> Stage:
    """Fetch ``url`` (http or https). Timeouts and delays are in seconds.

    ``session`` (requests) brings proxies, certificates and headers of its own. ``size`` is the
    number of bytes that must come: an answer that promises another is refused at once, and one
    that promises none may not bring more. ``length_required`` refuses an answer that does not
    promise any.

    A content coding is undone, unless the answer has just the ``size`` as it is. A web page where a
    file is expected is refused. With ``content_md5`` as ``checked`` the file has to have the digest
    that the server names, if it names one; as ``required`` it has to name one.
    ``report.facts["open_ended"]`` is set where only the end of the connection told the end of the
    file: nobody knows then whether it is whole.

    A connection that is cut, brings nothing for ``stall_timeout``, or fewer than 512 bytes a second
    for four times as long (120 seconds at most), is resumed in place: by a
    ``Range`` that the server proves to be of the same file (RFC 9110, section 13.1.5), otherwise by
    reading again and discarding what was delivered, if it has the same hash. After each attempt in
    a row that brings nothing the next of ``delays`` is waited; when they are used up, or after
    :data:`MAX_RESUMES`, the fetch fails. That it was resumed is noted in the report.

    Raises FetchError (no connection, an answer other than 200, a file that changed) and SizeError.
    """
    check_web_address(url)
    check_headers(headers)
    check_seconds("stall_timeout", stall_timeout)
    check_seconds("connect_timeout", connect_timeout)
    file = HttpFile(url, session, headers or {}, (connect_timeout, stall_timeout), size=size)
    return HttpGet(file, size, length_required, _policy(delays), content_md5)


def http_get_file(
    file: RemoteFile,
    *,
    size: int | None = None,
    length_required: bool = False,
    delays: tuple[float, ...] = DELAYS,
) -> Stage:
    """Fetch ``file``, wherever that is, as :func:`http_get` does."""
    return HttpGet(file, size, length_required, _policy(delays))
