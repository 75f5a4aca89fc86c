"""The stages that run external programs, over pipes that imgadm makes."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from imgadm._native import Cancelled, move_bytes, read_into, write_all
from imgadm.base.signals import run_beyond_signals
from imgadm.streams.engine.arguments import check_argv, check_dataset, check_kind, check_listener
from imgadm.streams.engine.buffers import Buffer
from imgadm.streams.engine.descriptors import kernel_moves, make_pipe
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage
from imgadm.streams.errors import UnreadError
from imgadm.streams.processes.child import Child, OnEnd
from imgadm.streams.processes.lending import Lender


class _IntoProcess(Stage):
    """The stage that :func:`into_process` makes."""

    role = "sink"
    moves_descriptors = True
    judges_content = True

    def __init__(
        self,
        argv: Sequence[str],
        name: str | None,
        on_end: OnEnd | None,
        *,
        copies_input: bool,
        environment: Mapping[str, str] | None,
    ) -> None:
        self.name = name or Path(argv[0]).name
        self._child = Child(
            argv,
            self.name,
            on_end=on_end,
            end_input=self._close_stdin,
            environment=environment,
        )
        self._lender = Lender() if copies_input and kernel_moves() else None
        self._stdin = -1
        self._stdin_lock = threading.Lock()

    def open(self, context: Context) -> None:
        run_beyond_signals(self._spawn)

    def _spawn(self) -> None:
        read_end, self._stdin = make_pipe()
        try:
            os.set_blocking(read_end, True)
            self._child.spawn(stdin=read_end, stdout=subprocess.DEVNULL)
        finally:
            os.close(read_end)

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        try:
            for buffer in inlet:
                self._feed(buffer, context)
        except BrokenPipeError:
            self._child.finish(context.cancel)
            raise UnreadError(self.name, offset=context.meter.bytes_out) from None
        except Cancelled:
            self._child.await_exit()
            raise
        self._close_stdin()
        self._child.finish(context.cancel)

    def _feed(self, buffer: Buffer, context: Context) -> None:
        if self._lender is not None:
            self._lender.put(self._stdin, buffer, context)
        else:
            write_all(self._stdin, buffer.view, context.cancel.fileno(), context.meter)
            buffer.release()

    def take_input_descriptor(self) -> int:
        with self._stdin_lock:
            descriptor, self._stdin = self._stdin, -1
        return descriptor

    def take_back_input_descriptor(self, descriptor: int) -> None:
        with self._stdin_lock:
            self._stdin = descriptor

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        self._child.finish(context.cancel)

    def abort(self) -> None:
        self._child.abort()

    def close(self) -> None:
        self._child.close()
        self._close_stdin()

    def _close_stdin(self) -> None:
        descriptor = self.take_input_descriptor()
        if descriptor >= 0:
            os.close(descriptor)


class _FromProcess(Stage):
    """The stage that :func:`from_process` makes."""

    role = "source"
    moves_descriptors = True

    def __init__(self, argv: Sequence[str], name: str | None, on_end: OnEnd | None) -> None:
        self.name = name or Path(argv[0]).name
        self._child = Child(argv, self.name, on_end=on_end)
        self._stdout = -1

    def open(self, context: Context) -> None:
        run_beyond_signals(self._spawn)

    def _spawn(self) -> None:
        self._stdout, write_end = make_pipe()
        try:
            os.set_blocking(write_end, True)
            self._child.spawn(stdin=subprocess.DEVNULL, stdout=write_end)
        finally:
            os.close(write_end)

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        while True:
            buffer = outlet.buffer()
            size = read_into(self._stdout, buffer.view, context.cancel.fileno(), context.meter)
            if size == 0:
                buffer.release()
                break
            context.meter.add_in(size)
            outlet.put(buffer.keep(size))
        self._child.finish(context.cancel)

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        move_bytes(self._stdout, sink, context.cancel.fileno(), context.meter)
        self._child.finish(context.cancel)

    def abort(self) -> None:
        self._child.abort()

    def close(self) -> None:
        # The pipe first: the kernel's part of ``zfs send`` may wait for it with SIGKILL pending.
        if self._stdout >= 0:
            os.close(self._stdout)
            self._stdout = -1
        self._child.close()


def into_process(
    argv: Sequence[str],
    *,
    name: str | None = None,
    on_end: OnEnd | None = None,
    copies_input: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Stage:
    """Return a sink that feeds the bytes to the standard input of a program.

    The stage succeeds when the program has. ``argv`` is the program and its arguments; no shell is
    involved. ``name`` is the name of the stage, by default that of the program. If any stage fails,
    the program and all its children are ended (SIGTERM, then SIGKILL) before its input closes, so
    that the program can't take a broken stream for a complete one. ``on_end`` is called once when
    the program has ended in any way. Without an ``environment``, the program gets that of this
    process.

    ``copies_input`` promises that the program only reads its input with read(2), and leaves it to
    no child that outlives it. Its pipe then gets the memory of the buffers instead of a copy, where
    the kernel can do that (Linux). A program that moves bytes on with splice(2) or tee(2), as
    ``pv`` does, would pass on wrong bytes.

    The stage raises ProcessError if the program fails, and StreamError if it can't be started or
    ends before it has read everything.
    """
    check_argv(argv)
    check_listener("on_end", on_end)
    return _IntoProcess(argv, name, on_end, copies_input=copies_input, environment=environment)


def from_process(
    argv: Sequence[str], *, name: str | None = None, on_end: OnEnd | None = None
) -> Stage:
    """Return a source that reads the standard output of a program, which gets no input.

    ``argv``, ``name`` and ``on_end`` are those of :func:`into_process`. The next stage sees the end
    of the stream only after the program has succeeded. If any stage fails, the program and all its
    children are ended.

    The stage raises ProcessError if the program fails, and StreamError if it can't be started.
    """
    check_argv(argv)
    check_listener("on_end", on_end)
    return _FromProcess(argv, name, on_end)


def zfs_receive(
    dataset: str,
    *,
    options: Sequence[str] = (),
    zfs: str = "zfs",
    on_end: OnEnd | None = None,
    environment: Mapping[str, str] | None = None,
) -> Stage:
    """Return a sink that receives a ZFS stream as ``dataset`` with the host's ``zfs receive``.

    ``options`` come before the name of the dataset; ``zfs`` is the program. ``on_end``,
    ``environment`` and the errors are those of :func:`into_process`. The caller renames or destroys
    the dataset, whether it is whole or partial. ``zfs receive`` obeys the properties in the stream:
    pass a stream that you do not trust through :func:`plain_zfs_stream` first.
    """
    check_dataset("dataset", dataset)
    check_kind("options", options, (list, tuple), 'a list such as ["-u"]')
    argv = [zfs, "receive", *options, dataset]
    return into_process(
        argv, name="zfs receive", on_end=on_end, copies_input=True, environment=environment
    )


def zfs_send(
    snapshot: str, *, origin: str | None = None, zfs: str = "zfs", on_end: OnEnd | None = None
) -> Stage:
    """Return a source that reads the stream that the host's ``zfs send`` makes of ``snapshot``.

    With the snapshot ``origin``, the stream is incremental, and the receiver must have ``origin``.
    ``zfs`` is the program. ``on_end`` and the errors are those of :func:`from_process`.
    """
    check_dataset("snapshot", snapshot, snapshot=True)
    if origin is not None:
        check_dataset("origin", origin, snapshot=True)
    base = () if origin is None else ("-i", origin)
    return from_process([zfs, "send", *base, snapshot], name="zfs send", on_end=on_end)
