"""An external program as the last stage, fed through a pipe that we own."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from imgadm._native import write_all
from imgadm.streams.descriptors import make_pipe
from imgadm.streams.errors import Cancelled, ProcessError, StreamError
from imgadm.streams.stage import Context, Inlet, Outlet, Stage

_STDERR_KEPT = 16 * 1024


class IntoProcess(Stage):
    """See :func:`into_process`."""

    moves_descriptors = True
    judges_content = True

    def __init__(self, argv: Sequence[str], name: str | None) -> None:
        self.name = name or Path(argv[0]).name
        self._argv = list(argv)
        self._process: subprocess.Popen[bytes] | None = None
        self._stdin = -1
        self._aborted = False
        self._stderr = b""
        self._stderr_reader: threading.Thread | None = None

    def open(self, context: Context) -> None:
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
        finally:
            os.close(read_end)
        self._stderr_reader = threading.Thread(
            target=self._read_stderr, name=f"imgadm-{self.name}-stderr", daemon=True
        )
        self._stderr_reader.start()

    def _read_stderr(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        with self._process.stderr as stderr:
            while piece := os.read(stderr.fileno(), 4096):
                self._stderr = (self._stderr + piece)[-_STDERR_KEPT:]

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        try:
            for view in inlet.views():
                write_all(self._stdin, view, context.cancel.fileno(), context.meter)
        except BrokenPipeError:
            self._finish(context)
            raise StreamError(
                f"{self.name} ended before it had read everything", offset=context.meter.bytes_out
            ) from None
        self._close_stdin()
        self._finish(context)

    def input_descriptor(self) -> int | None:
        return self._stdin

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        self._stdin = -1  # the pipeline writes to it, and closes it
        self._finish(context)

    def _finish(self, context: Context) -> None:
        assert self._process is not None
        assert self._stderr_reader is not None
        status = self._process.wait()
        self._stderr_reader.join()
        if context.cancel.cancelled:
            raise Cancelled
        if status != 0:
            raise ProcessError(self.name, status, self._stderr.decode(errors="replace").strip())

    def _close_stdin(self) -> None:
        if self._stdin >= 0:
            os.close(self._stdin)
            self._stdin = -1

    def abort(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        if self._aborted:
            self._process.kill()
        else:
            self._process.terminate()
        self._aborted = True

    def close(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
        self._close_stdin()


def into_process(argv: Sequence[str], *, name: str | None = None) -> Stage:
    """Feed the bytes to the standard input of a program, and wait for it to succeed.

    On failure of any stage the program is ended (SIGTERM, then SIGKILL) before its input closes, so
    that it can't take a broken stream for a complete one.

    Raises ProcessError if the program fails, StreamError if it can't be started or ends early.
    """
    return IntoProcess(argv, name)


def zfs_receive(dataset: str, *, options: Sequence[str] = (), zfs: str = "zfs") -> Stage:
    """Receive the ZFS stream as ``dataset`` with the host's ``zfs receive``.

    The dataset, whole or in part, is the caller's to rename or to destroy.
    """
    return into_process([zfs, "receive", *options, dataset], name="zfs receive")
