"""The sink that discards all bytes."""

from __future__ import annotations

import os

from imgadm._native import move_bytes
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage


class _Discard(Stage):
    """The stage that :func:`discard` makes."""

    name = "discard"
    role = "sink"
    moves_descriptors = True

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        for view in inlet.views():
            context.meter.add_out(view.nbytes)

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        try:
            move_bytes(source, nowhere, context.cancel.fileno(), context.meter)
        finally:
            os.close(nowhere)


def discard() -> Stage:
    """Return a sink that discards all bytes, for a pipeline that only checks or measures."""
    return _Discard()
