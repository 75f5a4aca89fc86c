"""A disk in a format of its own, opened by QEMU's ``qemu-nbd`` and read without a copy."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from imgadm.streams.errors import StreamError
from imgadm.streams.interruptions import uninterrupted
from imgadm.streams.nbd import NbdDisk

#: Starts a program with its standard input as the socket that it serves, as systemd starts
#: services: nothing has to wait for it, and nobody else can connect.
_SERVE_STDIN = 'exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'

#: Formats whose disks may be based on another file; none is ever opened.
_LAYERED = frozenset({"qcow2", "vmdk"})

#: Bytes of a program's last words that go into an error.
_LAST_WORDS = 2000


class QemuDisk:
    """The content of a disk that is not raw, for as long as this is open. ``size`` is in bytes.

    Raises StreamError if it can't be opened, and NbdError or OSError where it can't be read.
    """

    def __init__(self, path: Path, format_: str, *, program: str) -> None:
        self._program = program
        self._argv = [program, "--read-only", _location(path, format_)]
        self._process: subprocess.Popen[bytes] | None = None
        self._connection = socket.socket(socket.AF_UNIX)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  closed with the rest
        try:
            uninterrupted(self._spawn)
            self._disk = NbdDisk(self._connection)
        except (StreamError, OSError) as error:
            reason = self._last_words()
            self.close()
            if isinstance(error, OSError) and self._process is None:
                raise
            raise StreamError(f"{Path(program).name} cannot open it: {reason or error}") from error
        except BaseException:
            self.close()
            raise
        self.size = self._disk.size

    def _spawn(self) -> None:
        with (
            tempfile.TemporaryDirectory(prefix="imgadm-") as folder,
            socket.socket(socket.AF_UNIX) as listener,
        ):
            address = str(Path(folder) / "nbd")
            listener.bind(address)
            listener.listen(1)
            self._connection.connect(address)
            try:
                self._process = subprocess.Popen(
                    ["sh", "-c", _SERVE_STDIN, "sh", *self._argv],
                    stdin=listener.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=self._said,
                    start_new_session=True,  # the terminal's Ctrl-C is for us to pass on, in order
                )
            except OSError as error:
                raise StreamError(f'cannot start "{self._program}": {error.strerror}') from error

    def _last_words(self) -> str:
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
        self._said.seek(0)
        said = self._said.read(_LAST_WORDS).decode(errors="replace").strip()
        return said.partition("\n")[0].removeprefix(f"{Path(self._program).name}: ")

    def read(self, offset: int, size: int) -> memoryview:
        return self._disk.read(offset, size)

    def find_data(self, offset: int) -> tuple[int, int]:
        return self._disk.find_data(offset)

    def abort(self) -> None:
        """End whatever another thread waits for here."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        uninterrupted(self._close)

    def _close(self) -> None:
        self._connection.close()
        self._said.close()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _location(path: Path, format_: str) -> str:
    """How QEMU is told of exactly this file: no name has a meaning, nothing else is followed."""
    driver = "host_device" if stat.S_ISBLK(path.stat().st_mode) else "file"
    options: dict[str, Any] = {
        "driver": format_,
        "file": {"driver": driver, "filename": str(path.absolute())},
    }
    if format_ in _LAYERED:
        options["backing"] = None
    return f"json:{json.dumps(options)}"
