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
from tests.zfsvm import volume_digests

from .archives import members
from .guest_host import GuestHost, Shelf, only

CHAIN_DISKS = ["zvol-full", "zvol-incr", "zvol-incr2"]
SINGLE_STREAMS = {
    "none": {"zvol-128k": "zvol-128k"},
    "gzip": {"zvol-full-props": "zvol-full"},
    "bzip2": {"zvol-embedded": "zvol-embedded"},
    "xz": {"zvol-full-compressed": "zvol-full"},
    "zstd": {"zvol-128k": "zvol-128k"},
}
"""Streams and their disks, by compression: the streams that the chain does not have, spread."""


@pytest.mark.parametrize("compression", COMPRESS)
def test_images_arrive_as_they_were_sent(
    compression: str, host: GuestHost, shelf: Shelf, url: str, tmp_path: Path
) -> None:
    chain = chain_of_three(compression)
    singles = [sample_image(stream, compression) for stream in SINGLE_STREAMS[compression]]
    file_system = sample_image("fs-full", compression)
    changed = sample_image("fs-incr", compression, origin=file_system)
    images = [*chain, *singles, file_system, changed]
    shelf.put(*images)

    wanted = [chain[-1], *singles, changed]
    runs = host.run_together(*(("import", "-S", url, image.uuid) for image in wanted))
    assert [(run.status, run.stderr) for run in runs] == [(0, "")] * len(wanted)
    assert [run.lines[-1] for run in runs] == [f"Imported image {image.title}" for image in wanted]

    assert host.traces() == only(*images)
    assert host.records() == {f"zones-{image.uuid}.json": record(image, url) for image in images}
    volumes = [f"zones/{image.uuid}" for image in (*chain, *singles)]
    disks = [disk_sha256(name) for name in (*CHAIN_DISKS, *SINGLE_STREAMS[compression].values())]
    assert volume_digests(host.vm, *volumes) == disks
    for image, name in ((file_system, "fs-full"), (changed, "fs-incr")):
        packed = host.vm.exchange / "received.tar"
        host.vm.check(f"tar --create --sort=name --file {packed} --directory /zones/{image.uuid} .")
        recorded = tmp_path / name
        recorded.write_bytes(lzma.decompress((SAMPLES / f"{name}.tar.xz").read_bytes()))
        assert members(packed) == members(recorded)


def record(image: Image, url: str) -> dict[str, object]:
    return {"manifest": image.manifest, "zpool": "zones", "source": url}


def test_origin_is_the_image_named_and_not_one_of_the_same_content(
    host: GuestHost, shelf: Shelf, url: str
) -> None:
    twin = make_image("twin", sample("zvol-full"))
    base, child, _ = chain_of_three()
    shelf.put(twin, base, child)
    for image in (twin, child):
        assert host.run("import", "-S", url, image.uuid).status == 0
    assert host.traces() == only(twin, base, child)
