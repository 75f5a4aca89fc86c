"""What others make of the same layers: ``umoci`` of an image, GNU ``tar`` of an archive."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can set owners and devices")
needs_umoci = pytest.mark.skipif(shutil.which("umoci") is None, reason="there is no umoci here")


def umoci_unpack(work: Path, *layers: bytes) -> Path:
    """The root that ``umoci`` makes of an image of these layers, below ``work``."""
    layout, bundle = work / "layout", work / "bundle"
    _write_layout(layout, layers)
    arguments = ["umoci", "unpack", "--image", f"{layout}:image", str(bundle)]
    if os.geteuid() != 0:
        arguments.insert(2, "--rootless")
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return bundle / "rootfs"


def tar_unpack(root: Path, archive: Path) -> None:
    root.mkdir(parents=True)
    subprocess.run(
        ["tar", "--extract", "--file", archive, "--directory", root, "--preserve-permissions"]
        + ["--numeric-owner", "--xattrs", "--xattrs-include=*", "--delay-directory-restore"],
        check=True,
    )


def _write_layout(layout: Path, layers: tuple[bytes, ...]) -> None:
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes, media_type: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    of_type = "application/vnd.oci.image.{}".format
    described = [put(layer, of_type("layer.v1.tar")) for layer in layers]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in described]},
    }
    manifest = {
        "schemaVersion": 2,
        "config": put(json.dumps(config).encode(), of_type("config.v1+json")),
        "layers": described,
    }
    described_manifest = put(json.dumps(manifest).encode(), of_type("manifest.v1+json"))
    described_manifest["annotations"] = {"org.opencontainers.image.ref.name": "image"}
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (layout / "index.json").write_text(
        json.dumps({"schemaVersion": 2, "manifests": [described_manifest]})
    )
