"""Buffers have one owner: what a stage can't do with a buffer that it has put or released."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from imgadm import streams
from imgadm.streams import Context, Inlet, MisuseError, Outlet, Stage
from imgadm.streams.engine.buffers import BUFFER_SIZE, Buffer, BufferPool
from tests.unit.streams.stages import Collect, Supply

Treatment = Callable[[Buffer, Outlet], object]


class Treating(Stage):
    name = "treating"

    def __init__(self, treat: Treatment) -> None:
        self._treat = treat

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        for buffer in inlet:
            self._treat(buffer, outlet)


@pytest.mark.parametrize(
    ("treat", "message"),
    [
        (lambda it, outlet: (outlet.put(it), outlet.put(it)), "has another owner"),
        (lambda it, outlet: (it.release(), outlet.put(it)), "has another owner"),
        (lambda it, outlet: (outlet.put(it), it.share()), "has another owner"),
        (lambda it, outlet: outlet.put(bytes(it.view)), r"put\(\) got bytes, expected a buffer"),
        (lambda it, outlet: outlet.put(None), r"put\(\) got NoneType, expected a buffer"),
        (lambda it, outlet: outlet.put(it.keep(-1)), "of 5 bytes can't be kept to -1"),
        (lambda it, outlet: outlet.put(it.keep(6)), "of 5 bytes can't be kept to 6"),
    ],
)
@pytest.mark.parametrize("in_branch", [False, True])
def test_misuse_of_a_buffer_ends_the_run_and_names_the_stage(
    treat: Treatment, message: str, in_branch: bool
) -> None:
    treated: list[Stage] = [Treating(treat), streams.discard()]
    other: list[Stage] = [streams.discard()]
    branch, main = (treated, other) if in_branch else (other, treated)
    with pytest.raises(MisuseError, match=message) as caught:
        streams.run(Supply([b"bytes"]), streams.tee(*branch), *main)
    assert caught.value.stage == "treating"


def test_a_release_after_the_put_takes_nothing_from_the_new_owner(tmp_path: Path) -> None:
    path, sink = tmp_path / "file", Collect()
    path.write_bytes(b"".join(bytes([number]) * BUFFER_SIZE for number in range(20)))
    treating = Treating(lambda buffer, outlet: (outlet.put(buffer), buffer.release()))
    streams.run(streams.read_file(path), treating, sink)
    assert sink.content == path.read_bytes()


def test_a_release_does_not_free_memory_that_was_handed_over() -> None:
    pool = BufferPool(10)
    buffer = pool.get()
    following = buffer.hand_over()
    buffer.release()
    assert pool.get().view.obj is not following.view.obj
    block = following.view.obj
    following.release()
    assert pool.get().view.obj is block
