"""The host of the specification's examples: two VMs, a chain of images, layers, bare datasets."""

from __future__ import annotations

import json
from typing import Any

NO_RECORD = "01b2c898-945f-11e1-a523-af1afbe22822"
MINIMAL = "0764d78e-3472-11e5-8949-4f31abea4e05"
NOT_FINAL = "7970c690-1738-4e58-a04f-8ce4ea8ebfca"
IGNORED = "cccccccc-1111-4111-8111-000000000003"
ZONE = "aaaaaaaa-1111-4111-8111-000000000001"
VM = "bbbbbbbb-1111-4111-8111-000000000002"
CHAIN = [f"eeeeeeee-1111-4111-8111-00000000000{number}" for number in (1, 2, 3)]
LAYERS = [f"f0000000-0000-0000-0000-00000000000{number}" for number in (1, 2)]
LAYER_IDS = [f"sha256:8ddc19f16526{'0' * 52}", f"sha256:a3ed95caeb02{'0' * 52}"]

MINIMAL_MANIFEST = {
    "v": 2,
    "uuid": MINIMAL,
    "owner": "9dce1460-0c4c-4417-ab8b-25ca478c5a78",
    "name": "minimal-32",
    "version": "15.2.0",
    "state": "active",
    "disabled": False,
    "public": True,
    "published_at": "2015-07-27T15:13:57.000Z",
    "type": "zone-dataset",
    "os": "smartos",
    "files": [
        {
            "sha1": "a9b0f9f1d8c2d5e1f0d0c2d2b1a0e9f8d7c6b5a4",
            "size": 37882880,
            "compression": "gzip",
        }
    ],
    "tags": {"role": "os"},
}


def chain_manifest(number: int) -> dict[str, Any]:
    """The manifest of the member of the chain, the base being number 1."""
    manifest = {
        "v": 2,
        "uuid": CHAIN[number - 1],
        "name": "chain",
        "version": f"1.{number}.0",
        "type": "zone-dataset",
        "os": "smartos",
        "published_at": f"2020-01-0{number}T00:00:00.000Z",
    }
    return manifest if number == 1 else manifest | {"origin": CHAIN[number - 2]}


def _layer_manifest(index: int) -> dict[str, Any]:
    manifest: dict[str, Any] = {
        "v": 2,
        "uuid": LAYERS[index],
        "name": "docker-layer",
        "version": LAYER_IDS[index][7:19],
        "type": "docker",
        "os": "linux",
        "published_at": "2016-10-07T21:03:58.469Z",
        "tags": {"docker:repo": "busybox", "docker:id": LAYER_IDS[index]},
    }
    if index == 1:
        manifest["origin"] = LAYERS[0]
        manifest["tags"] |= {"docker:tag:latest": True, "docker:tag:1.25": True}
    return manifest


def _record(manifest: dict[str, Any], source: str | None = None) -> dict[str, Any]:
    record = {"manifest": manifest, "zpool": "zones"}
    if source is not None:
        record["source"] = source
    path = f"/var/imgadm/images/zones-{manifest['uuid']}.json"
    return {"write_file": path, "content": json.dumps(record, indent=2) + "\n"}


def _image(uuid: str, origin: str | None = None) -> list[dict[str, Any]]:
    based = {"origin": f"zones/{origin}@final"} if origin else {}
    return [
        {"dataset": f"zones/{uuid}", "type": "filesystem", **based},
        {"dataset": f"zones/{uuid}@final", "type": "snapshot"},
    ]


HOST: list[dict[str, Any]] = [
    {"conf": {"upgradedToVer": "3.0.0", "sources": [{"type": "imgapi", "url": "$IMGAPI"}]}},
    *_image(NO_RECORD),
    *_image(MINIMAL),
    {"dataset": f"zones/{ZONE}", "type": "filesystem", "origin": f"zones/{MINIMAL}@final"},
    {
        "vm": {
            "uuid": ZONE,
            "brand": "joyent-minimal",
            "state": "running",
            "zfs_filesystem": f"zones/{ZONE}",
        }
    },
    {"dataset": f"zones/{NOT_FINAL}", "type": "volume"},
    {"dataset": f"zones/{NOT_FINAL}@dataset", "type": "snapshot"},
    {
        "dataset": f"zones/{VM}-disk0",
        "type": "volume",
        "origin": f"zones/{NOT_FINAL}@dataset",
    },
    {"dataset": f"zones/{IGNORED}", "type": "filesystem", "props": {"imgadm:ignore": "true"}},
    *_image(CHAIN[0]),
    *_image(CHAIN[1], CHAIN[0]),
    *_image(CHAIN[2], CHAIN[1]),
    *_image(LAYERS[0]),
    *_image(LAYERS[1], LAYERS[0]),
    _record(MINIMAL_MANIFEST, "https://images.smartos.org"),
    *(_record(chain_manifest(number)) for number in (1, 2, 3)),
    *(_record(_layer_manifest(index), "https://docker.io") for index in (0, 1)),
]
