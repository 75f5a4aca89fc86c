"""Two processes that want the same layer: one as an image, one below another image."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading

import pytest

from imgadm.manifest.docker import layer_manifests
from tests.unit.layers.layer_builder import archive, directory, file

from .conftest import Serve
from .host import Host, wait_until
from .images import Image
from .server import serve_bytes, stall_after
from .test_shared_pools import wait_for_the_lock


def two_layers() -> list[Image]:
    """Return the images of two layers, the base first."""
    archives = [archive(directory("etc/"), file("etc/a", "a")), archive(file("etc/b", "b"))]
    blobs = [gzip.compress(tar, 1, mtime=0) for tar in archives]
    digests = ["sha256:" + hashlib.sha256(blob).hexdigest() for blob in blobs]
    manifests = layer_manifests(digests, {"os": "linux"}, repository="test", tag="1")
    return [
        Image({**manifest, "state": "active", "files": [{"compression": "gzip"}]}, b"").of_bytes(
            blob
        )
        for manifest, blob in zip(manifests, blobs, strict=True)
    ]


@pytest.mark.parametrize("stalled", ["base", "head"])
@pytest.mark.parametrize("command", ["import", "install"])
def test_layer_that_another_process_brings_meanwhile_gets_its_root(
    command: str, stalled: str, host: Host, serve: Serve, released: threading.Event
) -> None:
    """Whether the layer is on the pool already or not when the second process looks first."""
    base, head = two_layers()
    slow = base if stalled == "base" else head
    path = f"/images/{slow.uuid}/file"
    half = stall_after(len(slow.data) // 2, slow.data, released)
    server = serve(base, head, special={path: [half, serve_bytes(slow.data)]})
    first = host.start("import", "-S", server.url, head.uuid)
    wait_until(lambda: path in server.requests)
    if stalled == "head":
        wait_until((host.pool / base.uuid).exists)
    words = ("-S", server.url, base.uuid)
    if command == "install":
        (host.temporary / "it.imgmanifest").write_text(json.dumps(base.manifest))
        (host.temporary / "it.file").write_bytes(base.data)
        words = ("-m", "it.imgmanifest", "-f", "it.file")
    second = host.start(command, *words)
    wait_for_the_lock(second)
    released.set()
    assert first.finish().status == 0
    done = second.finish()
    assert (done.status, done.stderr) == (0, "")
    assert (host.pool / base.uuid / "root" / "etc" / "a").read_text() == "a"
    assert not (host.pool / base.uuid / "root" / "etc" / "b").exists()
    assert (host.pool / head.uuid / "root" / "etc" / "b").read_text() == "b"
    assert host.installed() == {base.uuid, head.uuid}
    assert server.requests.count(path) <= 2
