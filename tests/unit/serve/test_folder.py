"""Pairs of files as images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from imgadm.serve import CombinedCatalogue, FolderCatalogue, SkippedPair
from imgadm.serve.catalogues.pairs import FolderImage

from .conftest import CONTENT, UUID, manifest

OTHER = "3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0002"


@pytest.fixture
def catalogue(folder: Path, skipped: list[SkippedPair]) -> FolderCatalogue:
    return FolderCatalogue(folder, skipped.append)


def write(folder: Path, name: str, value: Any) -> None:
    (folder / name).write_text(json.dumps(value))


def test_what_a_manifest_lacks_is_added(catalogue: FolderCatalogue, sha1: Any) -> None:
    [image] = catalogue.images()
    assert image.manifest == manifest() | {
        "zebra": [1],
        "state": "active",
        "files": [{"sha1": sha1(CONTENT), "size": len(CONTENT), "compression": "none"}],
    }
    source = image.open_file()
    assert source is not None
    source.close()


@pytest.mark.parametrize(
    ("name", "compression"),
    [
        ("bar.zfs", "none"),
        ("bar.zvol.gz", "gzip"),
        ("bar.zsend.bz2", "bzip2"),
        ("bar.zfs.xz", "xz"),
        ("bar.zvol.zst", "zstd"),
    ],
)
def test_names(folder: Path, catalogue: FolderCatalogue, name: str, compression: str) -> None:
    write(folder, "bar.imgmanifest", manifest(OTHER))
    (folder / name).write_bytes(b"x")
    image = catalogue.find(OTHER)
    assert image is not None
    assert image.manifest["files"][0]["compression"] == compression


def test_the_manifest_is_believed(folder: Path, catalogue: FolderCatalogue) -> None:
    entry = {"sha1": "a" * 40, "size": 3, "compression": "xz", "dataset_guid": "7"}
    write(folder, "bar.json", manifest(OTHER, files=[entry], state="disabled"))
    (folder / "bar.zfs").write_bytes(b"no")
    (folder / "bar.zfs.xz").write_bytes(b"yes")
    image = catalogue.find(OTHER)
    assert isinstance(image, FolderImage)
    assert image.manifest["files"] == [entry]
    assert image.manifest["state"] == "disabled"
    assert image.path.name == "bar.zfs.xz"


def test_old_manifests_are_upgraded(folder: Path, catalogue: FolderCatalogue) -> None:
    old = {"uuid": OTHER, "creator_uuid": UUID, "name": "a", "version": "1", "type": "zvol"}
    write(folder, "bar.json", old | {"files": [{"path": "x.gz"}]})
    (folder / "bar.zvol.gz").write_bytes(b"x")
    image = catalogue.find(OTHER)
    assert image is not None
    assert (image.manifest["v"], image.manifest["owner"]) == (2, UUID)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"x", "manifest is invalid: not JSON"),
        (b"[]", "manifest is invalid: a JSON object was expected, got an array"),
        (json.dumps(manifest("../x")).encode(), '"uuid" is not a UUID: ../x'),
        (json.dumps(manifest(UUID)).encode(), "foo.zvol has the same UUID"),
        (b" " * (4 << 20) + b"{}", "a manifest has at most 4194304 bytes"),
        (
            json.dumps(manifest(OTHER, files=[{"size": 9, "compression": "none"}])).encode(),
            "zoo.zfs has 1 bytes, 9 were promised",
        ),
        (
            json.dumps(manifest(OTHER, files=[{"compression": "rar"}])).encode(),
            'the "compression" of its file is rar',
        ),
    ],
)
def test_broken_pairs_are_skipped_and_told_once(
    folder: Path,
    catalogue: FolderCatalogue,
    skipped: list[SkippedPair],
    content: bytes,
    reason: str,
) -> None:
    (folder / "zoo.json").write_bytes(content)
    (folder / "zoo.zfs").write_bytes(b"x")
    assert [image.manifest["uuid"] for image in catalogue.images()] == [UUID]
    (folder / "unrelated").touch()
    catalogue.images()
    [told] = skipped
    assert told.path == folder / "zoo.json"
    assert reason in told.reason


def test_a_manifest_alone(folder: Path, catalogue: FolderCatalogue, skipped: list) -> None:
    write(folder, "alone.json", manifest(OTHER))
    assert catalogue.find(OTHER) is None
    assert skipped[0].reason.startswith("no file alone with the ending .zfs, .zvol, .zsend")


def test_pairs_come_change_and_go(folder: Path, catalogue: FolderCatalogue, sha1: Any) -> None:
    assert len(catalogue.images()) == 1
    write(folder, "bar.json", manifest(OTHER))
    (folder / "bar.zfs").write_bytes(b"one")
    first = catalogue.find(OTHER)
    assert first is not None
    assert first.manifest["files"][0]["sha1"] == sha1(b"one")
    (folder / "bar.zfs").write_bytes(b"other")
    second = catalogue.find(OTHER)
    assert second is not None
    assert second.manifest["files"][0]["sha1"] == sha1(b"other")
    with pytest.raises(OSError, match="has 5 bytes, 3 were promised"):
        first.open_file()
    (folder / "bar.zfs").unlink()
    assert catalogue.find(OTHER) is None


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        FolderCatalogue(tmp_path / "nowhere").images()


def test_of_equal_images_the_first_catalogue_counts(folder: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    for uuid in (UUID, OTHER):
        write(second, f"{uuid}.json", manifest(uuid, name="second"))
        (second / f"{uuid}.zfs").write_bytes(b"x")
    both = CombinedCatalogue([FolderCatalogue(folder), FolderCatalogue(second)])
    assert {image.manifest["uuid"]: image.manifest["name"] for image in both.images()} == {
        UUID: "foo",
        OTHER: "second",
    }
    found = [both.find(uuid) for uuid in (UUID, OTHER)]
    assert [image and image.manifest["name"] for image in found] == ["foo", "second"]
    assert both.find("x") is None
