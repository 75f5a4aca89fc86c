"""The stage in a pipeline: its turn, its report, and how it ends."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from imgadm import streams
from imgadm.layers import LayerError, Limits, Unpacked, unpack_layer

from ..streams.stages import Supply, open_descriptors, pieces, unending
from .independent import needs_root
from .layer_builder import archive, contents, directory, file, symlink


def test_fetched_checked_decompressed_and_checked_again(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    layer = archive(directory("d"), file("d/f", os.urandom(700_000)), symlink("s", "d/f"))
    blob = gzip.compress(layer)
    report = streams.run(
        Supply(pieces(blob, 10_000)),
        streams.checksum("sha1", expected=hashlib.sha1(blob).hexdigest()),
        streams.decompress(),
        streams.checksum("sha1", expected=hashlib.sha1(layer).hexdigest()),
        unpack_layer(tmp_path / "root"),
    )
    assert report.facts["unpacked"] == Unpacked(entries=3, archive_bytes=len(layer))
    assert sorted(contents(tmp_path / "root")) == ["d", "d/f", "s"]


def test_damage_is_blamed_on_the_transfer_if_that_is_to_blame(tmp_path: Path) -> None:
    damaged = bytearray(archive(file("a", bytes(100_000)), file("b")))
    damaged[101_000] ^= 1
    with pytest.raises(streams.ChecksumError):
        streams.run(
            Supply(pieces(bytes(damaged), 512)),
            streams.checksum("sha1", expected="0" * 40),
            unpack_layer(tmp_path),
        )


def test_an_error_leaves_no_descriptor_and_names_the_entry(tmp_path: Path) -> None:
    before = open_descriptors()
    with pytest.raises(LayerError) as caught:
        streams.run(Supply([archive(file("a/b"), file("a/b/c"))]), unpack_layer(tmp_path))
    assert open_descriptors() == before
    assert (caught.value.stage, caught.value.kind, caught.value.entry) == (
        "unpack",
        "name",
        b"a/b/c",
    )


def test_an_endless_layer_is_ended_by_its_limit(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match="unpacks to more than 10000000 bytes"):
        streams.run(Supply(unending()), unpack_layer(tmp_path, limits=Limits(archive_bytes=10**7)))


@needs_root
@pytest.mark.skipif(shutil.which("mount") is None, reason="there is no mount here")
def test_no_space_left_names_the_entry(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("this process may not mount anything")
    try:
        with pytest.raises(OSError, match="No space left on device: 'large'") as caught:
            streams.run(
                Supply(pieces(archive(file("large", bytes(3_000_000))), 65536)), unpack_layer(small)
            )
        assert caught.value.errno == errno.ENOSPC
    finally:
        subprocess.run(["umount", small], check=True)
