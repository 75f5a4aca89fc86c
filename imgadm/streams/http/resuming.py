"""One file, downloaded over as many connections as it takes."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping

from imgadm._native import Sha1
from imgadm.streams.engine.buffers import BUFFER_SIZE
from imgadm.streams.engine.interruptions import interruptible
from imgadm.streams.engine.stage import Context
from imgadm.streams.errors import FetchError, SizeError, StreamError
from imgadm.streams.http.answers.body import Body
from imgadm.streams.http.answers.response import FLOOR_BYTES_A_SECOND
from imgadm.streams.http.fetch_errors import connection_error
from imgadm.streams.http.remote_file import RemoteFile
from imgadm.streams.http.retries import RetryPolicy, retry_after

MAX_RESUMES = 20
"""The most lost connections that a download survives, however many bytes each has brought."""

_LEAST_OF_SLOW = 120 * FLOOR_BYTES_A_SECOND
"""The bytes that an attempt that ended because it was too slow must bring to count as progress."""


class ResumedFile:
    """A reader of ``file`` that connects again after a connection is lost.

    ``retries`` says how many attempts in a row may bring nothing. An attempt that brings bytes
    restarts the count.
    """

    def __init__(self, file: RemoteFile, retries: RetryPolicy) -> None:
        self._file = file
        self._retries = retries
        self._body: Body | None = None
        self._delivered: Sha1 | None = None

    def open(self, context: Context) -> tuple[Body, Mapping[str, str]]:
        """Return the body of the first usable answer, and its headers. Raises FetchError."""
        retries = self._retries
        while True:
            try:
                self._body, headers = self._file.open()
            except FetchError as error:
                following = None
                if error.transient and not self._file.patient:
                    following = retries.after_failure(asked=retry_after(error.headers))
                if following is None:
                    raise
                retries = following
            else:
                return self._body, headers
            context.cancel.wait(retries.pause)

    def hash_delivered(self) -> None:
        """Keep a hash of the bytes that :meth:`count` notes.

        When the file is read again from its start, the hash proves that it is still the same. It is
        not needed if a later stage keeps such a hash.
        """
        self._delivered = Sha1()

    def count(self, delivered: memoryview) -> None:
        """Note bytes that are about to be delivered, in their order."""
        if self._delivered is not None:
            self._delivered.update(delivered)

    def deliver(
        self,
        context: Context,
        deliver: Callable[[Body], None],
        *,
        total: int | None,
        into_pipe: bool = False,
    ) -> None:
        """Call ``deliver`` with one body after the other until all bytes have been delivered.

        ``total`` is the length of the file in bytes, None if it is not known. ``into_pipe``:
        ``deliver`` writes to a pipe, so that a BrokenPipeError comes from the next stage. Raises
        FetchError and SizeError.
        """
        meter = context.meter
        retries = self._retries
        resumes = 0
        while True:
            before = meter.bytes_out
            problem = self._attempt(context, deliver, resumes > 0, into_pipe)
            if self._is_complete(problem, total, context):
                break
            slow = problem is not None and problem.code == "ETIMEDOUT"
            if meter.bytes_out - before >= (_LEAST_OF_SLOW if slow else 1):
                retries = self._retries
            asked = 0.0 if problem is None else retry_after(problem.headers)
            following = retries.after_failure(asked=asked)
            if following is None or resumes >= MAX_RESUMES:
                raise _gave_up(resumes, problem, meter.bytes_out, total)
            retries = following
            context.cancel.wait(retries.pause)
            resumes += 1
        if resumes:
            times = "once" if resumes == 1 else f"{resumes} times"
            context.notes.append(f"the connection was lost and resumed {times}")

    def close(self) -> None:
        """End the connection."""
        if self._body is not None:
            self._body.close()
        self._file.close()

    def _is_complete(self, problem: FetchError | None, total: int | None, context: Context) -> bool:
        if total is not None:
            return context.meter.bytes_out == total
        if problem is None and self._body is not None and self._body.is_open_ended:
            context.facts["open_ended"] = True
        return problem is None

    def _attempt(
        self,
        context: Context,
        deliver: Callable[[Body], None],
        reconnect: bool,
        into_pipe: bool,
    ) -> FetchError | None:
        """Deliver from one connection until it ends.

        Returns the error that ended it, None at the end of the bytes. Raises an error that would
        come again on another connection.
        """
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
            if isinstance(error, BrokenPipeError) and into_pipe:
                raise
            at = None if self._body is None else self._body.address
            return connection_error(error, self._file.url, at=at)
        return None

    def _reconnect(self, context: Context) -> None:
        """Connect again, and read up to the place where the last connection ended."""
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
        """Read again the first ``position`` bytes, which were delivered before.

        Raises FetchError if they have another hash now, unless the file is immutable.
        """
        again = Sha1()
        scratch = memoryview(bytearray(BUFFER_SIZE))
        while again.length < position:
            left = position - again.length
            size = body.readinto(scratch[:left], context.cancel, context.meter)
            if size == 0:
                raise ConnectionResetError("the connection ended again before the same place")
            again.update(scratch[:size])
        delivered = self._delivered
        if delivered is None and context.downstream is not None and not self._file.immutable:
            delivered = context.downstream.sha1_at(position, context)
        if delivered is not None and again.digest() != delivered.digest():
            raise self._file.changed(position)


def _gave_up(resumes: int, problem: FetchError | None, got: int, total: int | None) -> StreamError:
    of_total = "" if total is None else f" of {total}"
    tried = f"tried {resumes + 1} times, got {got} bytes{of_total}"
    if problem is None:
        return SizeError(f"the connection ended early ({tried})", offset=got, got=got, wanted=total)
    return FetchError(
        f"{problem.message} ({tried})", code=problem.code, status=problem.status, offset=got
    )
