"""The machine: its processes started, its guest booted within bounds, and all of it ended."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
from pathlib import Path
from types import TracebackType

from .channel import Channel, ChannelClosedError
from .emulator import Hardware, qemu_command, virtiofsd_command
from .initramfs import initramfs
from .needs import find_kernel
from .processes import start
from .session import Session

BOOT_LIMIT_S = 180
TAIL_LINES = 40


class MachineError(Exception):
    """The machine did not boot or died; the text has the last lines of its console."""


class Machine:
    """A context manager that boots the machine, gives its :class:`Session`, and stops it.

    `memory_mib` is the guest's memory, which also holds its pool and every file it writes; the host
    gives only what is touched. Nothing is kept but what the test fetches from
    :attr:`Session.exchange` before the end. `on_terminal` connects the guest's console to the
    terminal of this process.
    """

    def __init__(
        self, *, memory_mib: int = 4096, processors: int = 2, on_terminal: bool = False
    ) -> None:
        self._memory_mib = memory_mib
        self._processors = processors
        self._on_terminal = on_terminal
        self._scope = contextlib.ExitStack()

    def __enter__(self) -> Session:
        with contextlib.ExitStack() as scope:
            session = self._boot(scope)
            self._scope = scope.pop_all()
        return session

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._scope.close()

    def _boot(self, scope: contextlib.ExitStack) -> Session:
        kernel = find_kernel()
        room = Path(tempfile.mkdtemp(prefix="imgadm-zfsvm-"))
        scope.callback(shutil.rmtree, room, ignore_errors=True)
        exchange, messages, console = room / "exchange", room / "messages", room / "console"
        exchange.mkdir()
        shares = {"root": room / "root.socket", "exchange": room / "exchange.socket"}
        # The guest may cache the host's files, which tests leave alone; the exchange changes.
        _share(scope, Path("/"), shares["root"], cache="always", messages=messages)
        _share(scope, exchange, shares["exchange"], cache="none", messages=messages)

        near, far = socket.socketpair()
        channel = Channel(near)
        scope.callback(channel.close)
        with far:
            hardware = Hardware(
                memory_mib=self._memory_mib,
                processors=self._processors,
                console="mon:stdio" if self._on_terminal else f"file:{console}",
            )
            command = qemu_command(
                hardware,
                kernel,
                initramfs(kernel),
                shares=shares,
                agent=far.fileno(),
                parameters=f"zfsvm.exchange={exchange}",
            )
            start(
                scope,
                command,
                output=None if self._on_terminal else messages,
                descriptors=(far.fileno(),),
            )

        def failure(what: str) -> MachineError:
            last_words = "\n".join(_tail(messages) + _tail(console)) or "(no message)"
            return MachineError(f"the virtual machine {what}\n{last_words}")

        try:
            channel.receive(BOOT_LIMIT_S)
        except TimeoutError:
            raise failure(f"did not boot within {BOOT_LIMIT_S} s") from None
        except ChannelClosedError:
            raise failure("ended while it booted") from None
        return Session(channel, exchange, died=lambda: failure("died"))


def _share(
    scope: contextlib.ExitStack, directory: Path, path: Path, *, cache: str, messages: Path
) -> None:
    """Start a daemon that shares `directory` over the socket `path`, which is there at once."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        descriptor = listening.fileno()
        command = virtiofsd_command(directory, socket=descriptor, cache=cache)
        start(scope, command, output=messages, descriptors=(descriptor,))


def _tail(path: Path) -> list[str]:
    if not path.exists():
        return []
    return path.read_text(errors="replace").splitlines()[-TAIL_LINES:]
