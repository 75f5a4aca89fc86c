"""The stage before a receiver that obeys whatever its stream says."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from imgadm import streams
from tests.unit.native.zstream_builder import HEADER
from tests.unit.native.zstream_samples import sample
from tests.unit.streams.stages import Collect, Supply, pieces

PACKAGE, STREAM = sample("zvol-full-props"), sample("zvol-full")


def test_the_package_stays_behind() -> None:
    sink = Collect()
    report = streams.run(Supply(pieces(PACKAGE, 99_999)), streams.plain_zfs_stream(), sink)
    assert sink.content == STREAM
    summary = report.facts["zfs_stream"]
    assert (summary.type, summary.volume_size) == ("zvol", 32 << 20)


def test_memory_is_reused_whole() -> None:
    sink = Collect()
    source = (Supply(pieces(PACKAGE, 50_000)), streams.compress("gzip"), streams.decompress())
    streams.run(*source, streams.plain_zfs_stream(kind="zvol", size_in_mib=32), sink)
    assert sink.content == STREAM


def test_the_end_waits_until_the_input_has_proved_right() -> None:
    everything_passed = threading.Event()
    sink = Collect(on_piece=lambda: everything_passed.set() if is_all_but_the_end() else None)

    def is_all_but_the_end() -> bool:
        return sink.count >= len(STREAM) - HEADER

    def dripping() -> Iterator[bytes]:
        yield from pieces(PACKAGE, 99_999)
        assert everything_passed.wait(30)
        raise OSError("it was the wrong file")

    with pytest.raises(OSError, match="wrong file"):
        streams.run(Supply(dripping()), streams.plain_zfs_stream(), sink)
    assert sink.content == STREAM[:-HEADER]
    assert not sink.saw_end


@pytest.mark.parametrize(
    ("name", "wanted", "kind"),
    [
        ("fs-full", {"kind": "zvol"}, "unsupported"),
        ("zvol-full-props", {"kind": "zfs"}, "unsupported"),
        ("zvol-incr", {"from_guid": 0}, "origin"),
        ("zvol-full", {"size_in_mib": 31}, "size"),
        ("zvol-full", {"size_in_mib": 33}, "size"),
        ("zvol-replication-compound", {}, "unsupported"),
    ],
)
def test_what_is_not_wanted(name: str, wanted: dict[str, object], kind: str) -> None:
    sink = Collect()
    stage = streams.plain_zfs_stream(**wanted)  # type: ignore[arg-type]
    with pytest.raises(streams.ZfsStreamError) as caught:
        streams.run(Supply(pieces(sample(name), 99_999)), stage, sink)
    assert (caught.value.kind, caught.value.stage) == (kind, "verify")
    assert not sink.saw_end
