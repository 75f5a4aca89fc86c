"""Every recorded stream, packed in every way, imported into a zpool by the real program."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from tests.e2e.imports.images import (
    COMPRESS,
    SAMPLES,
    Image,
    chain_of_three,
    disk_sha256,
    make_image,
    sample,
    sample_image,
)
from tests.stands.zfsvm import volume_digests

from .archives import members, packed_machine
from .guest_host import GuestHost, Shelf, only

CHAIN_DISKS = ["zvol-full", "zvol-incr", "zvol-incr2"]
SINGLE_STREAMS = {
    "none": {"zvol-128k": "zvol-128k"},
    "gzip": {"zvol-full-props": "zvol-full"},
    "bzip2": {"zvol-embedded": "zvol-embedded"},
    "xz": {"zvol-full-compressed": "zvol-full"},
    "zstd": {},
}
"""Streams besides the chain's, and their disks. A decoder does not know what it decodes, nor does
zfs what its stream was packed in: so these are spread."""


@pytest.mark.parametrize("compression", COMPRESS)
def test_volumes_arrive_as_they_were_sent(
    compression: str, host: GuestHost, shelf: Shelf, url: str
) -> None:
    chain = chain_of_three(compression)
    streams = SINGLE_STREAMS[compression]
    singles = [sample_image(stream, compression) for stream in streams]
    images = [*chain, *singles]
    shelf.put(*images)
    import_all(host, url, [chain[-1], *singles])
    assert host.traces() == only(*images)
    assert host.records() == {f"zones-{image.uuid}.json": record(image, url) for image in images}
    disks = [disk_sha256(name) for name in (*CHAIN_DISKS, *streams.values())]
    assert volume_digests(host.vm, *(f"zones/{image.uuid}" for image in images)) == disks


def test_file_systems_arrive_as_they_were_sent(
    host: GuestHost, shelf: Shelf, url: str, tmp_path: Path
) -> None:
    base = sample_image("fs-full", "zstd")
    changed = sample_image("fs-incr", "gzip", origin=base)
    shelf.put(base, changed)
    import_all(host, url, [changed])
    assert host.traces() == only(base, changed)
    for image, name in ((base, "fs-full"), (changed, "fs-incr")):
        recorded = tmp_path / name
        recorded.write_bytes(lzma.decompress((SAMPLES / f"{name}.tar.xz").read_bytes()))
        assert members(packed_machine(host.vm, f"zones/{image.uuid}")) == members(recorded)


def test_origin_is_the_image_named_and_not_one_of_the_same_content(
    host: GuestHost, shelf: Shelf, url: str
) -> None:
    twin = make_image("twin", sample("zvol-full"))
    base, child, _ = chain_of_three()
    shelf.put(twin, base, child)
    for image in (twin, child):
        import_all(host, url, [image])
    assert host.traces() == only(twin, base, child)


def import_all(host: GuestHost, url: str, images: list[Image]) -> None:
    """Import them at the same time."""
    runs = host.run_together(*(("import", "-S", url, image.uuid) for image in images))
    assert [(run.status, run.stderr) for run in runs] == [(0, "")] * len(images)
    assert [run.lines[-1] for run in runs] == [f"Imported image {image.title}" for image in images]


def record(image: Image, url: str) -> dict[str, object]:
    return {"manifest": image.manifest, "zpool": "zones", "source": url}
