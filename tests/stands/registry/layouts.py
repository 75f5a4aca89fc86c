"""Images made here, as OCI layouts, and pushed to a registry by an independent client."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import zstandard

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
INDEX = OCI + "index.v1+json"
MANIFEST = OCI + "manifest.v1+json"
CONFIG = OCI + "config.v1+json"
LAYER = OCI + "layer.v1.tar"

Descriptor = dict[str, Any]
"""Media type, digest and size of a blob, as manifests refer to it."""


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """A tar archive; names with a slash at the end are directories."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if name.endswith("/"):
                member.type, member.mode = tarfile.DIRTYPE, 0o755
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def compressed(data: bytes, compression: str) -> bytes:
    match compression:
        case "gzip":
            return gzip.compress(data, 6, mtime=0)
        case "zstd":
            return zstandard.ZstdCompressor().compress(data)
    return data


class Layout:
    """A directory in the OCI image layout; its images are named by tags."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "blobs" / "sha256").mkdir(parents=True)
        (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self._tags: list[Descriptor] = []

    def add(self, data: bytes, media_type: str, **more: Any) -> Descriptor:
        """Keep ``data`` as a blob."""
        digest = digest_of(data)
        (self.directory / "blobs" / "sha256" / digest.removeprefix("sha256:")).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data), **more}

    def read(self, descriptor: Descriptor) -> bytes:
        """The blob that ``descriptor`` refers to."""
        name = descriptor["digest"].removeprefix("sha256:")
        return (self.directory / "blobs" / "sha256" / name).read_bytes()

    def add_json(self, value: Any, media_type: str, **more: Any) -> Descriptor:
        return self.add(json.dumps(value).encode(), media_type, **more)

    def add_image(
        self,
        layers: Iterable[bytes],
        *,
        platform: str = "linux/amd64",
        compression: str = "gzip",
        config: Mapping[str, Any] | None = None,
        **manifest: Any,
    ) -> Descriptor:
        """Keep an image of tar archives, base first; ``config`` and ``manifest`` add to these.

        The descriptor has the platform, as an index wants it.
        """
        archives = list(layers)
        suffix = "" if compression == "none" else f"+{compression}"
        blobs = [self.add(compressed(tar, compression), LAYER + suffix) for tar in archives]
        kind = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
        content = {
            **kind,
            "created": "2024-01-02T03:04:05.678901234Z",
            "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"], "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in archives]},
            "history": [{"created_by": f"step {number}"} for number in range(len(archives))],
            **(config or {}),
        }
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.add_json(content, CONFIG),
            "layers": blobs,
            **manifest,
        }
        return self.add_json(document, MANIFEST, platform=kind)

    def add_index(self, manifests: Sequence[Descriptor], **more: Any) -> Descriptor:
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests), **more}
        return self.add_json(document, INDEX)

    def tag(self, name: str, descriptor: Descriptor) -> None:
        """Name an image or an index."""
        annotations = {"org.opencontainers.image.ref.name": name}
        self._tags.append({**descriptor, "annotations": annotations})
        index = {"schemaVersion": 2, "manifests": self._tags}
        (self.directory / "index.json").write_text(json.dumps(index))

    def push(self, tag: str, image: str, *options: str, certificates: Path | None = None) -> None:
        """Copy the image or index ``tag``, with all that it refers to, to ``HOST:PORT/NAME:TAG``.

        ``options`` are more of ``skopeo copy``; ``certificates`` is a folder with the registry's
        authority, without which nothing is checked.
        """
        trust = (
            "--dest-tls-verify=false" if certificates is None else f"--dest-cert-dir={certificates}"
        )
        skopeo(
            "copy",
            "--all",
            "--preserve-digests",
            trust,
            *options,
            f"oci:{self.directory}:{tag}",
            f"docker://{image}",
        )


def skopeo(command: str, *words: str) -> str:
    """Run ``skopeo COMMAND WORDS`` and return what it prints."""
    result = subprocess.run(
        ["skopeo", "--insecure-policy", command, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
