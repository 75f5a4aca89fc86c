"""Streams made from raw disks: canonical, reproducible, and read back as what they were."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm._native import VolumeStreamWriter
from tests.unit.native.zstream_builder import ALL, StreamBuilder, golden_stream
from tests.unit.native.zstream_samples import allocated, receive, sample, sha256, verify

GOLDEN = {
    "<": "c2cad07c13bbdf96fddb7db055f9c7515b9bf64de04d915b9f8b018303b5f45d",
    ">": "d1862ffda908d7078f59af91fbc6c2b20fd30803bf6fefe36d352d94916966bb",
}
GUID = 0x1122334455667788
OPTIONS: dict[str, Any] = {
    "block_size": 512, "guid": GUID, "creation_time": 0x60000000, "name": "zones/img@final",
}  # fmt: skip
BLOCK = bytes(range(256)) * 2


def stream_of(disk: Path, *, step: int = 1 << 20, origin: Path | None = None, **more: Any) -> bytes:
    options = {**OPTIONS, "size": disk.stat().st_size, **more}
    stream, buffer = bytearray(), bytearray(step)
    with disk.open("rb") as file, (origin or disk).open("rb") as base:
        if origin is not None:
            options |= {"origin_fd": base.fileno(), "origin_size": origin.stat().st_size}
        writer = VolumeStreamWriter(file.fileno(), **options)
        length = writer.measure()
        while count := writer.readinto(buffer):
            stream += buffer[:count]
        assert writer.readinto(buffer) == 0
        assert writer.measure() == length == len(stream)
    return bytes(stream)


def disk_of(path: Path, *blocks: bytes) -> Path:
    path.write_bytes(b"".join(blocks))
    return path


@pytest.mark.parametrize("order", GOLDEN)
def test_golden_stream_of_the_builder(order: str) -> None:
    assert hashlib.sha256(bytes(golden_stream(order))).hexdigest() == GOLDEN[order]


@pytest.mark.parametrize("step", [1, 311, 824, 4096])
def test_golden_stream_of_the_writer(step: int, tmp_path: Path) -> None:
    disk = disk_of(tmp_path / "disk", BLOCK, bytes(512))
    assert hashlib.sha256(stream_of(disk, step=step, salt=1)).hexdigest() == GOLDEN["<"]


def canonical(begin: StreamBuilder, tail: int) -> StreamBuilder:
    return begin.object(1, 23, 512).free(1, tail, ALL)


def builder(**begin: Any) -> StreamBuilder:
    return StreamBuilder().begin(**begin)


def test_full_stream_has_runs_of_zeros_freed(tmp_path: Path) -> None:
    disk = disk_of(tmp_path / "disk", bytes(1024), BLOCK, bytes(512), BLOCK, bytes(5120))
    wanted = canonical(builder(), 5 * 512).free(1, 0, 1024).write(1024, BLOCK)
    wanted.free(1, 1536, 512).write(2048, BLOCK).volume_end(disk.stat().st_size)
    assert stream_of(disk, salt=1) == bytes(wanted)


def test_empty_volume(tmp_path: Path) -> None:
    disk = disk_of(tmp_path / "disk", bytes(4096))
    wanted = canonical(builder(), 512).free(1, 0, 512).volume_end(4096)
    assert stream_of(disk, salt=1) == bytes(wanted)


def test_last_block_is_filled_up_with_zeros(tmp_path: Path) -> None:
    disk = disk_of(tmp_path / "disk", BLOCK, b"tail")
    wanted = canonical(builder(), 1024).write(0, BLOCK).write(512, b"tail".ljust(512, b"\0"))
    assert stream_of(disk, salt=1) == bytes(wanted.volume_end(1024))


def test_incremental_stream_has_changed_blocks_only(tmp_path: Path) -> None:
    other = BLOCK[::-1]
    origin = disk_of(tmp_path / "origin", BLOCK, BLOCK, BLOCK, BLOCK, bytes(512), BLOCK, BLOCK)
    disk = disk_of(tmp_path / "disk", BLOCK, other, bytes(1024), bytes(512), BLOCK)
    wanted = canonical(builder(from_guid=7, flags=0xD), 6 * 512).write(512, other)
    wanted.free(1, 1024, 1024).volume_end(6 * 512)
    assert stream_of(disk, origin=origin, from_guid=7, salt=1) == bytes(wanted)
    assert verify(bytes(wanted)).clone


def test_salt_follows_from_the_guid(tmp_path: Path) -> None:
    disk = disk_of(tmp_path / "disk", BLOCK)
    assert stream_of(disk) == stream_of(disk)
    salts = {stream_of(disk, guid=guid)[-1128:-1120] for guid in (GUID, GUID + 1)}
    assert len(salts) == 2
    assert all(salt[0] % 2 == 1 for salt in salts)


def sparse(path: Path, size: int, pieces: dict[int, bytes]) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
        for offset, content in pieces.items():
            file.seek(offset)
            file.write(content)
    return path


def test_holes_make_the_same_stream_as_zeros(tmp_path: Path) -> None:
    pieces = {0: BLOCK, 200 << 20: BLOCK * 300, (400 << 20) + 512: BLOCK}
    size = 600 << 20
    holes = sparse(tmp_path / "holes", size, pieces)
    zeros = sparse(
        tmp_path / "zeros", size, {190 << 20: bytes(64 << 20), 500 << 20: bytes(1 << 20), **pieces}
    )
    assert allocated(holes) < 1 << 20 < allocated(zeros)
    assert stream_of(holes, block_size=8192) == stream_of(zeros, block_size=8192)


sizes = st.sampled_from([512, 4096, 131072])
layouts = st.lists(st.tuples(st.sampled_from("0xyh"), st.integers(1, 300)), max_size=12)


def layout_disk(path: Path, layout: list[tuple[str, int]]) -> Path:
    with path.open("wb") as file:
        for kind, pages in layout:
            if kind == "h":
                file.seek(pages * 4096, 1)
            else:
                file.write(({"0": b"\0"}.get(kind) or kind.encode()) * pages * 4096)
        file.truncate(max(file.tell(), 4096))
    return path


@settings(max_examples=40, deadline=None)
@given(layouts, layouts, sizes)
def test_round_trips(
    tmp_path_factory: pytest.TempPathFactory,
    old: list[tuple[str, int]],
    new: list[tuple[str, int]],
    block_size: int,
) -> None:
    folder = tmp_path_factory.mktemp("trip")
    first, second = layout_disk(folder / "1", old), layout_disk(folder / "2", new)
    copy = folder / "copy"
    summary = receive(stream_of(first, block_size=block_size, guid=1), copy)
    assert copy.read_bytes().rstrip(b"\0") == first.read_bytes().rstrip(b"\0")
    assert copy.stat().st_size == -(-first.stat().st_size // block_size) * block_size
    change = stream_of(second, block_size=block_size, guid=2, origin=first, from_guid=1)
    receive(change, copy, origin=summary)
    assert copy.read_bytes().rstrip(b"\0") == second.read_bytes().rstrip(b"\0")
    assert copy.stat().st_size == -(-second.stat().st_size // block_size) * block_size


class Pieces:
    """A disk that is read once and in order, a piece at a time."""

    def __init__(self, content: bytes, piece: int) -> None:
        self._content, self._piece, self._at = content, piece, 0

    def read(self, offset: int, size: int) -> bytes:
        assert offset == self._at
        self._at += len(found := self._content[offset : offset + min(size, self._piece)])
        return found


def streamed(content: bytes, *, piece: int = 100_000, **more: Any) -> tuple[bytes, int]:
    writer = VolumeStreamWriter(Pieces(content, piece), size=None, **{**OPTIONS, **more})
    stream, buffer = bytearray(), bytearray(5000)
    while count := writer.readinto(buffer):
        stream += buffer[:count]
    return bytes(stream), writer.volume_size


def test_disk_of_unknown_size_is_ended_behind_its_data() -> None:
    wanted = builder().object(1, 23, 512).free(1, 0, 1024).write(1024, BLOCK).free(1, 1536, 1024)
    wanted.free(1, 2560, ALL).volume_end(2560)
    content = bytes(1024) + BLOCK + bytes(700)
    assert streamed(content, salt=1, piece=300) == (bytes(wanted), 2560)


def test_empty_disk_of_unknown_size_is_refused() -> None:
    with pytest.raises(ValueError, match="the disk is empty"):
        streamed(b"")
    with pytest.raises(ValueError, match="not known"):
        VolumeStreamWriter(Pieces(b"", 1), size=None, **OPTIONS).measure()


@pytest.mark.parametrize("size", [512, (1 << 20) - 512, 1 << 20, (3 << 20) + 100])
def test_streamed_disks_round_trip(size: int, tmp_path: Path) -> None:
    origin = sparse(tmp_path / "origin", 2 << 20, {0: BLOCK, 1 << 20: BLOCK})
    content = (BLOCK + bytes(5120)) * (size // 5632 + 1)
    content = content[: size - 1] + b"\1"
    summary = receive(stream_of(origin, guid=1), tmp_path / "disk")
    with origin.open("rb") as base:
        change, volume_size = streamed(
            content, guid=2, from_guid=1, origin_fd=base.fileno(), origin_size=2 << 20
        )
    receive(change, tmp_path / "disk", origin=summary)
    assert volume_size == -(-size // 512) * 512
    assert (tmp_path / "disk").read_bytes() == content.ljust(volume_size, b"\0")


def test_what_a_disk_raises_ends_the_stream(tmp_path: Path) -> None:
    class Broken:
        def read(self, offset: int, size: int) -> bytes:
            raise PermissionError("not today")

        def find_data(self, offset: int) -> tuple[int, int]:
            return offset, 1 << 30

    writer = VolumeStreamWriter(Broken(), size=1 << 30, **OPTIONS)
    with pytest.raises(PermissionError, match="not today"):
        writer.readinto(bytearray(1000))

    def enough() -> None:
        raise InterruptedError("enough")

    with sparse(tmp_path / "zeros", 1 << 20, {0: bytes(1 << 20)}).open("rb") as zeros:
        writer = VolumeStreamWriter(zeros.fileno(), size=1 << 20, before_read=enough, **OPTIONS)
        with pytest.raises(InterruptedError, match="enough"):
            writer.readinto(bytearray(1000))


@pytest.mark.parametrize("name", ["zvol-full", "zvol-128k", "zvol-embedded"])
def test_real_disks_round_trip(name: str, tmp_path: Path) -> None:
    summary = receive(sample(name), tmp_path / "disk")
    assert summary.block_size is not None
    stream = stream_of(tmp_path / "disk", block_size=summary.block_size)
    receive(stream, tmp_path / "again")
    assert sha256(tmp_path / "again") == sha256(tmp_path / "disk")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"block_size": 1000}, "block_size"),
        ({"block_size": 256}, "block_size"),
        ({"block_size": 262144}, "block_size"),
        ({"size": 0}, "size"),
        ({"guid": 0}, "guid"),
        ({"guid": 7, "from_guid": 7, "origin_fd": 0}, "guid"),
        ({"name": "zones/img"}, "name"),
        ({"name": "a@" + "b" * 254}, "name"),
        ({"name": "a@\0"}, "name"),
        ({"from_guid": 7}, "belong together"),
        ({"origin_fd": 0}, "belong together"),
        ({"salt": 2}, "salt"),
    ],
)
def test_options_must_make_sense(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        VolumeStreamWriter(0, **{**OPTIONS, "size": 512, **options})


def test_unreadable_disk_is_an_os_error(tmp_path: Path) -> None:
    with (tmp_path / "disk").open("wb") as file:
        file.write(BLOCK)
        file.flush()
        writer = VolumeStreamWriter(file.fileno(), size=512, **OPTIONS)
        with pytest.raises(OSError, match="read the disk at 0"):
            writer.measure()
