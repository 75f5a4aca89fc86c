"""Real ZFS send streams through the stages: verified in passing, and applied to raw disks."""

from __future__ import annotations

import hashlib
import lzma
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgadm import streams
from imgadm.streams.zfs.payloads import inflate_payload
from tests.unit.streams.stages import Collect, Supply, pieces

DATA = Path(__file__).parents[3] / "data" / "zfs-streams"


def sample(name: str) -> Path:
    return DATA / f"{name}.zsend.xz"


def raw_sha256(name: str) -> str:
    return (DATA / f"{name}.raw.sha256").read_text().split()[0]


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def receive(source: streams.Stage, *stages: streams.Stage) -> streams.Report:
    return streams.run(source, streams.checksum("sha1"), streams.decompress(), *stages)


#: The streams of a full volume, and the disk that comes of each.
FULL = {
    "zvol-full": "zvol-full",
    "zvol-full-compressed": "zvol-full",
    "zvol-128k": "zvol-128k",
}


@pytest.mark.parametrize("name", FULL)
def test_a_full_stream_becomes_its_disk(name: str, tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    disk.write_bytes(b"what a dead process left")
    sink = streams.to_raw_disk(disk)
    report = receive(streams.read_file(sample(name)), streams.verify_zfs_stream(), sink)
    assert sha256(disk) == raw_sha256(FULL[name])
    volume = streams.volume_of(report.facts["zfs_stream"])
    assert disk.stat().st_size == volume.size
    assert disk.stat().st_blocks * 512 < volume.size
    verified = report.stages[3]
    assert verified.bytes_in == verified.bytes_out == report.stages[4].bytes_in


def test_incremental_streams_go_on_top_of_each_other(tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    volume: streams.RawVolume | None = None
    for name in ("zvol-full", "zvol-incr", "zvol-incr2"):
        sink = streams.to_raw_disk(disk, origin=volume)
        report = receive(streams.read_file(sample(name)), sink)
        assert sha256(disk) == raw_sha256(name)
        volume = streams.volume_of(report.facts["zfs_stream"])


@pytest.mark.parametrize("name", ["fs-full", "fs-incr", "zvol-full", "zvol-incr"])
def test_a_verified_stream_comes_through_as_it_is(name: str) -> None:
    stream = lzma.decompress(sample(name).read_bytes())
    sink = Collect()
    streams.run(Supply(pieces(stream, 99_999)), streams.verify_zfs_stream(), sink)
    assert sink.content == stream


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("zvol-incr", "origin"),
        ("fs-full", "unsupported"),
        ("fs-incr", "unsupported"),
        ("zvol-replication-compound", "unsupported"),
    ],
)
def test_streams_that_make_no_disk_are_refused(name: str, kind: str, tmp_path: Path) -> None:
    with pytest.raises(streams.ZfsStreamError) as caught:
        receive(streams.read_file(sample(name)), streams.to_raw_disk(tmp_path / "disk"))
    assert (caught.value.kind, caught.value.stage) == (kind, "write disk")


def test_an_incremental_stream_on_another_volume(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(1024))
    origin = streams.RawVolume(guid=1, size=1024, block_size=512)
    with pytest.raises(streams.ZfsStreamError) as caught:
        receive(streams.read_file(sample("zvol-incr")), streams.to_raw_disk(disk, origin=origin))
    assert caught.value.kind == "origin"


STREAM = lzma.decompress(sample("zvol-full").read_bytes())


@pytest.mark.parametrize("to_disk", [True, False], ids=["to a disk", "verified"])
@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (lambda it: it[:-1], "truncated"),
        (lambda it: it[:1000], "truncated"),
        (lambda it: it[: len(it) // 2], "truncated"),
        (lambda it: it + b"\0", "trailing"),
        (lambda it: it[:-10] + bytes([it[-10] ^ 1]) + it[-9:], "checksum"),
        (lambda it: it[:500_000] + bytes([it[500_000] ^ 1]) + it[500_001:], "checksum"),
        (lambda it: b"not a stream" * 100, "format"),
    ],
    ids=["last byte", "early", "half", "trailing", "END record", "record", "no stream"],
)
def test_damage_is_told_and_the_end_is_not_shown(
    to_disk: bool, damage: object, kind: str, tmp_path: Path
) -> None:
    sink = Collect(keep=False)
    stages = (
        [streams.to_raw_disk(tmp_path / "disk")] if to_disk else [streams.verify_zfs_stream(), sink]
    )
    with pytest.raises(streams.ZfsStreamError) as caught:
        streams.run(Supply(pieces(damage(STREAM), 100_000)), *stages)  # type: ignore[operator]
    assert caught.value.kind == kind
    assert caught.value.stage == ("write disk" if to_disk else "verify")
    assert caught.value.offset is not None
    assert not sink.saw_end


def test_a_volume_needs_a_size() -> None:
    report = streams.run(
        Supply(pieces(lzma.decompress(sample("fs-full").read_bytes()), 100_000)),
        streams.verify_zfs_stream(),
        Collect(keep=False),
    )
    with pytest.raises(streams.StreamError, match="how large"):
        streams.volume_of(report.facts["zfs_stream"])


@pytest.fixture
def little_room() -> Iterator[None]:
    """Files may not grow beyond 1 MB."""
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, old)


def test_no_room_for_the_disk(tmp_path: Path, little_room: None) -> None:
    with pytest.raises(OSError, match="File too large") as caught:
        streams.run(Supply(pieces(STREAM, 100_000)), streams.to_raw_disk(tmp_path / "disk"))
    assert "in stage: write disk" in caught.value.__notes__


def test_no_directory_for_the_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        streams.run(Supply([STREAM]), streams.to_raw_disk(tmp_path / "no" / "disk"))
    assert caught.value.__notes__ == ["in stage: write disk"]


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_payloads_that_libraries_inflate(codec: str) -> None:
    import zlib

    import zstandard

    content = b"block " * 1000
    parameters = zstandard.ZstdCompressionParameters.from_level(
        3, format=zstandard.FORMAT_ZSTD1_MAGICLESS
    )
    payload = {
        "gzip": zlib.compress(content),
        "zstd": zstandard.ZstdCompressor(compression_params=parameters).compress(content),
    }[codec]
    assert inflate_payload(codec, payload + bytes(100), len(content)) == content
    for bad in (payload[: len(payload) // 2], b"\xff" * 50):
        try:
            assert len(inflate_payload(codec, bad, len(content))) < len(content)
        except ValueError:
            continue
