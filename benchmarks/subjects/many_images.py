"""Ten thousand images, as manifests, as records of a zpool, and in a directory pool."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgadm.pools.zpool.discovery import COLUMNS

COUNT = 10_000

_NAMESPACE = uuid.UUID("6f0d3a7e-5a1c-4b7b-9d55-0c5f9d6f7a10")
_SOURCE = "https://images.example.com"
_NAMES = ("base-64", "minimal-64", "debian-12", "ubuntu-24.04", "centos-stream", "freebsd", "nginx")


@dataclass(frozen=True)
class Host:
    """``root`` has the records of all images; ``bin`` a ``zfs`` that lists their datasets.

    ``pool`` is a directory pool with all images, ``empty_pool`` one with none.
    """

    root: Path
    bin: Path
    pool: Path
    empty_pool: Path


def manifests(count: int, *, first: int = 0) -> list[dict[str, Any]]:
    """Manifests of the size that public servers have; a third of the images has an origin."""
    return [_manifest(number) for number in range(first, first + count)]


def make_host(directory: Path, images: list[dict[str, Any]]) -> Host:
    host = Host(*(directory / name for name in ("root", "bin", "pool", "empty")))
    for made in (host.root / "images", host.bin, host.pool, host.empty_pool):
        made.mkdir(parents=True)
    for image in images:
        name = image["uuid"]
        record = {"manifest": image, "zpool": "zones", "source": _SOURCE}
        (host.root / "images" / f"zones-{name}.json").write_text(json.dumps(record, indent=2))
        (host.pool / name).mkdir()
        record["zpool"] = str(host.pool)
        (host.pool / name / "image.json").write_text(json.dumps(record, indent=2))
    listing = host.bin / "datasets"
    listing.write_text(_dataset("zones", mountpoint="/zones") + "".join(map(_datasets, images)))
    program = host.bin / "zfs"
    program.write_text(f"#!/bin/sh\nexec cat '{listing}'\n")
    program.chmod(0o755)
    return host


def configure(root: Path, *urls: str) -> None:
    """Make ``urls`` the sources of the state in ``root``."""
    root.mkdir(parents=True, exist_ok=True)
    sources = [{"type": "imgapi", "url": url} for url in urls]
    values = {"upgradedToVer": "3.0.0", "sources": sources}
    (root / "imgadm.conf").write_text(json.dumps(values))


def _uuid(number: int) -> str:
    return str(uuid.uuid5(_NAMESPACE, str(number)))


def _manifest(number: int) -> dict[str, Any]:
    name = _NAMES[number % len(_NAMES)]
    day = f"{2012 + number // 720:04d}-{number // 60 % 12 + 1:02d}-{number // 2 % 28 + 1:02d}"
    origin = {"origin": _uuid(number - 1)} if number % 3 == 2 else {}
    return {
        "v": 2,
        "uuid": _uuid(number),
        "owner": "930896af-bf8c-48d4-885c-6573a94b1853",
        "name": name,
        "version": f"{number // 1000}.{number // 10 % 100}.{number % 10}",
        "state": "active",
        "disabled": False,
        "public": True,
        "published_at": f"{day}T12:{number % 60:02d}:57.123Z",
        "type": "zvol" if number % 2 else "zone-dataset",
        "os": "linux" if number % 2 else "smartos",
        "files": [
            {
                "sha1": f"{number:040x}",
                "size": 100_000_000 + number,
                "compression": "gzip",
            }
        ],
        "description": f"A {name} image with everything that it takes to start a machine in the "
        "cloud or on premises. Suited to be the basis of other images.",
        "homepage": f"https://docs.example.com/images/{name}",
        "requirements": {
            "networks": [{"name": "net0", "description": "public"}],
            "min_platform": {"7.0": "20210826T002459Z"},
            "brand": "bhyve",
        },
        "users": [{"name": "root"}, {"name": "admin"}],
        "tags": {"role": "os", "group": name, "kernel_version": "6.1.0"},
        **origin,
    }


def _datasets(image: dict[str, Any]) -> str:
    """The lines of ``zfs list`` for an image: its dataset, and its snapshot."""
    name = f"zones/{image['uuid']}"
    origin = f"zones/{image['origin']}@final" if "origin" in image else "-"
    return _dataset(name, origin=origin, mountpoint=f"/{name}") + _dataset(f"{name}@final")


def _dataset(name: str, **values: str) -> str:
    """A line with the columns that are asked for."""
    known = {"name": name, "creation": "1700000000", **values}
    return "\t".join(known.get(column, "-") for column in COLUMNS.split(",")) + "\n"
