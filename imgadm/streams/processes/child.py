"""The external program of a stage, ended together with all programs that it has started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from imgadm._native import Cancelled, Meter, read_into
from imgadm.streams.engine.cancellation import CancelToken
from imgadm.streams.errors import ProcessError, StreamError

_STDERR_KEPT = 16 * 1024
"""The number of bytes from the end of the standard error that are kept."""

_STDERR_SECONDS = 0.5
"""Seconds to wait for the end of the standard error of a program that has ended.

Children of the program may hold it open.
"""

_SECONDS_TO_DIE = 0.1
"""Seconds that a program gets to die of SIGKILL before its input is closed."""

OnEnd = Callable[[Sequence[str], int, float, str, str], None]
"""A listener for the end of a program: argv, exit status, seconds, stdout (empty), stderr.

A negative status is the number of a signal.
"""


class Child:
    """One program, called ``name`` in errors.

    The end of its standard error is kept for the error. ``on_end`` is called once when the program
    has ended. ``end_input`` closes its input, which may wake a program that waits in the kernel.
    Without an ``environment``, the program gets that of this process.
    """

    def __init__(
        self,
        argv: Sequence[str],
        name: str,
        *,
        on_end: OnEnd | None = None,
        end_input: Callable[[], None] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._argv = list(argv)
        self._environment = environment
        self._name = name
        self._on_end = on_end
        self._end_input = end_input
        self._started = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._succeeded = False
        self._aborted = False
        self._stderr = b""
        self._stderr_reader: threading.Thread | None = None
        self._stop_reading: CancelToken | None = None

    def spawn(self, *, stdin: int, stdout: int) -> None:
        """Start the program with two descriptors; either may be DEVNULL. Raises StreamError."""
        self._started = time.monotonic()
        with contextlib.ExitStack() as if_it_fails:
            stderr = self._start(stdin, stdout)
            if_it_fails.callback(os.close, stderr)
            self._stop_reading = CancelToken()
            reader = threading.Thread(
                target=self._read_stderr,
                args=(stderr, self._stop_reading),
                name=f"imgadm-{self._name}-stderr",
                daemon=True,
            )
            reader.start()
            self._stderr_reader = reader
            if_it_fails.pop_all()

    def _start(self, stdin: int, stdout: int) -> int:
        """Start the program, and return the read end of the pipe that is its standard error."""
        try:
            # The pipe is ours: Popen of Python 3.11.2 loses the pipes that it makes if it fails.
            readable, writable = os.pipe()
            try:
                self._process = subprocess.Popen(
                    self._argv,
                    stdin=stdin,
                    stdout=stdout,
                    stderr=writable,
                    env=self._environment,
                    start_new_session=True,  # the terminal's Ctrl-C is for us to pass on, in order
                )
            except BaseException:
                os.close(readable)
                raise
            finally:
                os.close(writable)
        except FileNotFoundError as error:
            raise StreamError(f'there is no program "{self._argv[0]}" on this host') from error
        except OSError as error:
            raise StreamError(f'cannot start "{self._argv[0]}": {error.strerror}') from error
        return readable

    def _read_stderr(self, stderr: int, stop_reading: CancelToken) -> None:
        piece = bytearray(4096)
        try:
            with contextlib.suppress(Cancelled):
                os.set_blocking(stderr, False)
                while size := read_into(stderr, piece, stop_reading.fileno(), Meter()):
                    self._stderr = (self._stderr + piece[:size])[-_STDERR_KEPT:]
        finally:
            os.close(stderr)

    def finish(self, cancel: CancelToken) -> None:
        """Wait for the program to end by itself. Raises ProcessError if it fails, and Cancelled."""
        status = self.await_exit()
        cancel.check()
        if status != 0:
            assert self._stderr_reader is not None
            self._stderr_reader.join(_STDERR_SECONDS)
            said = self._stderr.decode(errors="replace").strip()
            raise ProcessError(self._name, status, said, argv=self._argv)
        self._succeeded = True

    def await_exit(self) -> int:
        """Wait for the end, and return the exit status, or the negative number of a signal.

        The process stays a zombie, so that no other process can get its id.
        """
        assert self._process is not None
        ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def abort(self) -> None:
        """Send SIGTERM to the program; the second time, SIGKILL."""
        if self._succeeded:
            return
        if self._aborted:
            self._kill()
        else:
            self._signal(signal.SIGTERM)
        self._aborted = True

    def _kill(self) -> None:
        """Send SIGKILL, and close the input of a program that does not die of it.

        The kernel's part of ``zfs receive`` may wait for more of the stream although SIGKILL is
        pending, and only the end of the pipe wakes it. A killed program can't take that end for the
        end of a complete stream, and the kernel takes it for that of a broken one.
        """
        self._signal(signal.SIGKILL)
        if self._end_input is None:
            return
        deadline = time.monotonic() + _SECONDS_TO_DIE
        while not self._has_exited():
            if time.monotonic() >= deadline:
                self._end_input()
                return
            time.sleep(_SECONDS_TO_DIE / 20)

    def _has_exited(self) -> bool:
        if self._process is None or self._process.returncode is not None:
            return True
        state = os.WEXITED | os.WNOWAIT | os.WNOHANG
        return os.waitid(os.P_PID, self._process.pid, state) is not None

    def _signal(self, number: signal.Signals) -> None:
        """Send the signal to the program and to its children."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def close(self) -> None:
        """Kill the program unless it has succeeded, and free everything."""
        if self._process is not None:
            if not self._succeeded:
                self._kill()
            self._process.wait()
        if self._stop_reading is not None:
            if self._on_end is not None and self._stderr_reader is not None:
                self._stderr_reader.join(_STDERR_SECONDS)
            self._stop_reading.cancel()
            if self._stderr_reader is not None:
                self._stderr_reader.join()
            self._stop_reading.close()
            self._stop_reading = None
            self._tell_end()

    def _tell_end(self) -> None:
        if self._on_end is not None and self._process is not None:
            seconds = time.monotonic() - self._started
            stderr = self._stderr.decode(errors="replace")
            self._on_end(self._argv, self._process.returncode, seconds, "", stderr)
