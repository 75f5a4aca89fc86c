"""Images that cannot be imported: one clear error each, and a pool as it was before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from imgadm.pools.sending import disk_stream
from imgadm.streams import RawVolume
from tests.e2e.imports.images import Image, chain_of_three, make_image, sample, sample_image

from .guest_host import GuestHost, Shelf, Traces, extra_pool, only

STREAM = sample("zvol-128k")
MIB = 1024 * 1024


def flipped(data: bytes, offset: int) -> bytes:
    changed = bytearray(data)
    changed[offset] ^= 0x10
    return bytes(changed)


@dataclass(frozen=True)
class Bad:
    """An image, and the error that its import ends with."""

    image: Image
    code: str
    message: str


def bad(name: str, stream: bytes, message: str) -> Bad:
    return Bad(make_image(name, stream, "gzip"), "InvalidStream", message)


RECEIVE_FAILED = "zfs receive error while importing: exit code 1"

WRONG_SHA1 = make_image("wrong-sha1", STREAM, "gzip").promising(sha1="0" * 40)
SHORT_GZIP = make_image("short-gzip", STREAM, "gzip")

CASES = [
    Bad(WRONG_SHA1, "DownloadError", 'expected "' + "0" * 40 + '", downloaded checksum was "'),
    Bad(
        SHORT_GZIP.of_bytes(SHORT_GZIP.data[:-9]),
        "UncompressionError",
        "gzip uncompression error while importing image",
    ),
    bad("flipped-data", flipped(STREAM, len(STREAM) // 2), "checksum is wrong"),
    bad("flipped-end", flipped(STREAM, len(STREAM) - 300), "stream checksum is wrong"),
    bad("truncated", STREAM[: len(STREAM) // 2], "wanted an END record"),
    bad("empty", b"", "stream ends inside its first record"),
    bad("compound", sample("zvol-replication-compound"), "got a package of several snapshots"),
]


@pytest.mark.timeout(600)
def test_bad_images_are_refused_and_leave_nothing(host: GuestHost, shelf: Shelf, url: str) -> None:
    shelf.put(*(case.image for case in CASES))
    runs = host.run_together(*(("import", "-S", url, case.image.uuid) for case in CASES))
    for case, run in zip(CASES, runs, strict=True):
        (line,) = run.stderr.splitlines()
        assert run.status == 1, run
        assert line.startswith(f"imgadm import: error ({case.code}): "), run
        assert case.message in line, run
        assert run.lines[-1].startswith("Aborting ("), run
    assert host.traces() == Traces()


def test_what_is_based_on_another_image_than_said_is_refused(
    host: GuestHost, shelf: Shelf, url: str
) -> None:
    base, _, top = chain_of_three()
    mistaken = top.having(origin=base.uuid)
    shelf.put(base, mistaken)
    refused = host.run("import", "-S", url, mistaken.uuid)
    assert refused.status == 1
    assert RECEIVE_FAILED in refused.stderr
    assert host.traces() == only(base)


@pytest.mark.timeout(600)
def test_pools_that_cannot_take_an_image(
    host: GuestHost, shelf: Shelf, url: str, tmp_path: Path
) -> None:
    small = sample_image("zvol-embedded")
    # What a pool without compression stores as it is, from a file of some 100 kB.
    inflating = make_image("inflating", volume_of(tmp_path / "disk", b"imgadm" * (10 * MIB)))
    bulky = make_image("bulky", bytes(64 * MIB), "none")
    shelf.put(small, inflating, bulky)
    with extra_pool(host.vm, "tiny", size="64M") as tiny:
        host.vm.check("zfs set compression=off tiny")
        full, hopeless, missing, misnamed = host.run_together(
            ("import", "-P", tiny, "-S", url, inflating.uuid),
            ("import", "-P", tiny, "-S", url, bulky.uuid),
            ("import", "-P", "nowhere", "-S", url, small.uuid),
            ("import", "-P", "no pool", "-S", url, small.uuid),
        )
        assert {run.status for run in (full, hopeless, missing, misnamed)} == {1}
        assert "out of space" in full.stderr
        assert RECEIVE_FAILED in full.stderr
        code, message = hopeless.error()
        assert (code, message.split(":")[0]) == ("InternalError", 'not enough space in pool "tiny"')
        assert missing.error() == (
            "InternalError",
            "cannot use zpool \"nowhere\": cannot open 'nowhere': dataset does not exist; name "
            "another with -P, or a directory: -P /a/path, or IMGADM_POOL=/a/path",
        )
        assert misnamed.error()[0] == "InternalError"
        assert host.traces(tiny) == Traces()
    assert host.traces() == Traces()


def volume_of(disk: Path, data: bytes) -> bytes:
    """The stream of a volume that holds `data`."""
    disk.write_bytes(data)
    volume = RawVolume(guid=1, size=len(data), block_size=8192)
    chunks = disk_stream(disk, volume, name="image/disk@final", creation_time=1, origin=None)
    return b"".join(bytes(chunk) for chunk in chunks)
