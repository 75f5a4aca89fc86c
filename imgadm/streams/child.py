"""The external program of a stage: started, listened to, ended with all that it has started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Sequence

from imgadm._native import Cancelled, Meter, read_into
from imgadm.streams.cancellation import CancelToken
from imgadm.streams.errors import ProcessError, StreamError

_STDERR_KEPT = 16 * 1024

#: Seconds that a program's children may hold its standard error open after it has failed.
_LAST_WORDS = 0.2


class Child:
    """One program, ``name`` in errors. What it says to its standard error is kept, at the end."""

    def __init__(self, argv: Sequence[str], name: str) -> None:
        self._argv = list(argv)
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None
        self._succeeded = False
        self._aborted = False
        self._stderr = b""
        self._stderr_reader: threading.Thread | None = None
        self._hear_no_more: CancelToken | None = None

    def spawn(self, *, stdin: int, stdout: int) -> None:
        """Start it with descriptors, or DEVNULL, as its ends. Raises StreamError."""
        try:
            self._process = subprocess.Popen(
                self._argv,
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.PIPE,
                start_new_session=True,  # the terminal's Ctrl-C is for us to pass on, in order
            )
        except FileNotFoundError as error:
            raise StreamError(f'there is no program "{self._argv[0]}" on this host') from error
        except OSError as error:
            raise StreamError(f'cannot start "{self._argv[0]}": {error.strerror}') from error
        self._hear_no_more = CancelToken()
        self._stderr_reader = threading.Thread(
            target=self._read_stderr,
            args=(self._process, self._hear_no_more),
            name=f"imgadm-{self._name}-stderr",
            daemon=True,
        )
        self._stderr_reader.start()

    def _read_stderr(self, process: subprocess.Popen[bytes], hear_no_more: CancelToken) -> None:
        assert process.stderr is not None
        piece = bytearray(4096)
        with process.stderr as stderr, contextlib.suppress(Cancelled):
            os.set_blocking(stderr.fileno(), False)
            while size := read_into(stderr.fileno(), piece, hear_no_more.fileno(), Meter()):
                self._stderr = (self._stderr + piece[:size])[-_STDERR_KEPT:]

    def finish(self, cancel: CancelToken) -> None:
        """Wait for it to end by itself; raises ProcessError unless it succeeds."""
        status = self.await_exit()
        cancel.check()
        if status != 0:
            assert self._stderr_reader is not None
            self._stderr_reader.join(_LAST_WORDS)
            said = self._stderr.decode(errors="replace").strip()
            raise ProcessError(self._name, status, said, argv=self._argv)
        self._succeeded = True

    def await_exit(self) -> int:
        """The exit status, negative for a signal. The process stays a zombie, its number taken."""
        assert self._process is not None
        ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def abort(self) -> None:
        """Ask it to end; the second time there is no asking."""
        if self._succeeded:
            return
        self._signal(signal.SIGKILL if self._aborted else signal.SIGTERM)
        self._aborted = True

    def _signal(self, number: signal.Signals) -> None:
        """To the program and to the children that it has left behind."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def close(self) -> None:
        if self._process is not None:
            if not self._succeeded:
                self._signal(signal.SIGKILL)
            self._process.wait()
        if self._hear_no_more is not None:
            self._hear_no_more.cancel()
            if self._stderr_reader is not None:
                self._stderr_reader.join()
            self._hear_no_more.close()
            self._hear_no_more = None
