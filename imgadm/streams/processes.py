"""An external program as the last stage, fed through a pipe that we own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from imgadm._native import Cancelled, Meter, read_into, write_all
from imgadm.streams.cancellation import CancelToken
from imgadm.streams.descriptors import make_pipe
from imgadm.streams.errors import ProcessError, StreamError, UnreadError
from imgadm.streams.interruptions import uninterrupted
from imgadm.streams.stage import Context, Inlet, Outlet, Stage

_STDERR_KEPT = 16 * 1024

#: Seconds that are waited, after a program has ended, for all that it said: its children may hold
#: its standard error open.
_LAST_WORDS = 0.5

#: Seconds that a program gets to die of SIGKILL before its input is closed.
_LAST_BREATH = 0.1


OnEnd = Callable[[Sequence[str], int, float, str, str], None]
"""Told of a program that has ended: argv, exit status, seconds, stdout (none is kept), stderr.

A status below 0 is the number of a signal.
"""


class IntoProcess(Stage):
    """See :func:`into_process`."""

    moves_descriptors = True
    judges_content = True

    def __init__(self, argv: Sequence[str], name: str | None, on_end: OnEnd | None) -> None:
        self.name = name or Path(argv[0]).name
        self._on_end = on_end
        self._started = 0.0
        self._argv = list(argv)
        self._process: subprocess.Popen[bytes] | None = None
        self._stdin = -1
        self._stdin_lock = threading.Lock()
        self._succeeded = False
        self._aborted = False
        self._stderr = b""
        self._stderr_reader: threading.Thread | None = None
        self._hear_no_more: CancelToken | None = None

    def open(self, context: Context) -> None:
        uninterrupted(self._spawn)

    def _spawn(self) -> None:
        self._started = time.monotonic()
        read_end, self._stdin = make_pipe()
        try:
            os.set_blocking(read_end, True)
            self._process = subprocess.Popen(
                self._argv,
                stdin=read_end,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,  # the terminal's Ctrl-C is for us to pass on, in order
            )
        except FileNotFoundError as error:
            raise StreamError(f'there is no program "{self._argv[0]}" on this host') from error
        except OSError as error:
            raise StreamError(f'cannot start "{self._argv[0]}": {error.strerror}') from error
        finally:
            os.close(read_end)
        self._hear_no_more = CancelToken()
        self._stderr_reader = threading.Thread(
            target=self._read_stderr,
            args=(self._process, self._hear_no_more),
            name=f"imgadm-{self.name}-stderr",
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

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        try:
            for view in inlet.views():
                write_all(self._stdin, view, context.cancel.fileno(), context.meter)
        except BrokenPipeError:
            self._finish(context)
            raise UnreadError(self.name, offset=context.meter.bytes_out) from None
        except Cancelled:
            self._await_exit()
            raise
        self._close_stdin()
        self._finish(context)

    def take_input_descriptor(self) -> int:
        with self._stdin_lock:
            descriptor, self._stdin = self._stdin, -1
        return descriptor

    def take_back_input_descriptor(self, descriptor: int) -> None:
        with self._stdin_lock:
            self._stdin = descriptor

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        self._finish(context)

    def _finish(self, context: Context) -> None:
        status = self._await_exit()
        context.cancel.check()
        if status != 0:
            assert self._stderr_reader is not None
            self._stderr_reader.join(_LAST_WORDS)
            raise ProcessError(self.name, status, self._stderr.decode(errors="replace").strip())
        self._succeeded = True

    def _await_exit(self) -> int:
        """The exit status, negative for a signal. The process stays a zombie, its number taken."""
        assert self._process is not None
        ended = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def abort(self) -> None:
        if self._succeeded:
            return
        if self._aborted:
            self._kill()
        else:
            self._signal(signal.SIGTERM)
        self._aborted = True

    def _kill(self) -> None:
        """Leave the program no way but to end.

        The kernel's part of ``zfs receive`` may wait for more of the stream though SIGKILL is
        pending, and is waked by the end of the pipe. A program that is killed does nothing with
        that end any more, and the kernel takes it for that of a stream that was cut.
        """
        self._signal(signal.SIGKILL)
        deadline = time.monotonic() + _LAST_BREATH
        while not self._has_exited():
            if time.monotonic() >= deadline:
                self._close_stdin()
                return
            time.sleep(_LAST_BREATH / 20)

    def _has_exited(self) -> bool:
        if self._process is None or self._process.returncode is not None:
            return True
        state = os.WEXITED | os.WNOWAIT | os.WNOHANG
        return os.waitid(os.P_PID, self._process.pid, state) is not None

    def _signal(self, number: signal.Signals) -> None:
        """To the program and to the children that it has left behind."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def close(self) -> None:
        if self._process is not None:
            if not self._succeeded:
                self._kill()
            self._process.wait()
        if self._hear_no_more is not None:
            if self._on_end is not None and self._stderr_reader is not None:
                self._stderr_reader.join(_LAST_WORDS)
            self._hear_no_more.cancel()
            if self._stderr_reader is not None:
                self._stderr_reader.join()
            self._hear_no_more.close()
            self._hear_no_more = None
            self._tell_end()
        self._close_stdin()

    def _tell_end(self) -> None:
        if self._on_end is not None and self._process is not None:
            seconds = time.monotonic() - self._started
            stderr = self._stderr.decode(errors="replace")
            self._on_end(self._argv, self._process.returncode, seconds, "", stderr)

    def _close_stdin(self) -> None:
        descriptor = self.take_input_descriptor()
        if descriptor >= 0:
            os.close(descriptor)


def into_process(
    argv: Sequence[str], *, name: str | None = None, on_end: OnEnd | None = None
) -> Stage:
    """Feed the bytes to the standard input of a program, and wait for it to succeed.

    On failure of any stage the program is ended, with all its children (SIGTERM, then SIGKILL),
    before its input closes, so that it can't take a broken stream for a complete one. ``on_end`` is
    called once when it has ended, however it did.

    Raises ProcessError if the program fails, StreamError if it can't be started or ends early.
    """
    return IntoProcess(argv, name, on_end)


def zfs_receive(
    dataset: str,
    *,
    options: Sequence[str] = (),
    zfs: str = "zfs",
    on_end: OnEnd | None = None,
) -> Stage:
    """Receive the ZFS stream as ``dataset`` with the host's ``zfs receive``.

    The dataset, whole or in part, is the caller's to rename or to destroy.
    """
    return into_process([zfs, "receive", *options, dataset], name="zfs receive", on_end=on_end)
