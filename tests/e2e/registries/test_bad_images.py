"""What is wrong with an image or its registry: one line that says it, and nothing left behind."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.imports.host import Finished, Host
from tests.stands.registry.fixtures import PASSWORD, USER
from tests.stands.registry.layouts import LAYER, Descriptor, Layout, digest_of
from tests.stands.registry.pushing import push_by_hand
from tests.stands.registry.server import Registry
from tests.unit.layers.layer_builder import archive, file, link, symlink

from .conftest import configure

GOOD = archive(file("good", "g" * 2000))


def image_of(layout: Layout, *blobs: bytes, inside: list[bytes], suffix: str) -> Descriptor:
    """An image whose layers are stored as ``blobs``, whatever they are."""
    image = layout.add_image(inside)
    document = document_of(layout, image)
    document["layers"] = [layout.add(blob, LAYER + suffix) for blob in blobs]
    return layout.add_json(document, image["mediaType"])


@pytest.fixture
def import_layer(host: Host, registry: Registry, layout: Layout) -> Callable[..., Finished]:
    """Imports an image of one layer, stored as the bytes that are given, whatever they are."""

    def run(blob: bytes, inside: bytes, suffix: str) -> Finished:
        image = image_of(layout, blob, inside=[inside], suffix=suffix)
        push_by_hand(registry, layout, image, "single/layer", tag="1")
        return host.run("import", "single/layer:1")

    return run


def document_of(layout: Layout, image: Descriptor) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(layout.read(image))
    return document


@pytest.mark.parametrize(
    ("blob", "inside", "suffix", "said"),
    [
        (gzip.compress(GOOD)[:-30], GOOD, "+gzip", "the data ends in the middle"),
        (gzip.compress(GOOD) + b"more", GOOD, "+gzip", "something follows the end"),
        (gzip.compress(GOOD), GOOD + bytes(512), "+gzip", "other files than its configuration"),
        (gzip.compress(GOOD[:1600]), GOOD[:1600], "+gzip", "cut short"),
        (gzip.compress(b"#!/bin/sh\n" * 99), b"#!/bin/sh\n" * 99, "+gzip", "cannot be unpacked"),
    ],
    ids=["cut", "trailing", "other", "cut inside", "no archive"],
)
def test_bad_layer(
    blob: bytes, inside: bytes, suffix: str, said: str, host: Host, import_layer: Any
) -> None:
    run = import_layer(blob, inside, suffix)
    code, message = run.error()
    assert (run.status, code) == (1, "UncompressionError")
    assert said in message
    host.assert_tidy()


@pytest.mark.parametrize(
    ("blob", "inside", "suffix", "said"),
    [
        (GOOD, GOOD, "+gzip", "is called gzip data, but is not compressed"),
        (gzip.compress(GOOD), GOOD, "+zstd", "is called zstd data, but is gzip data"),
        (gzip.compress(GOOD), GOOD, "", "is called not compressed, but is gzip data"),
        (gzip.compress(GOOD + b"more"), GOOD + b"more", "+gzip", "behind the end of the archive"),
        (gzip.compress(GOOD) + bytes(9), GOOD, "+gzip", "ignored 9 bytes after the end"),
    ],
    ids=["plain", "not zstd", "not plain", "trailing inside", "zeros"],
)
def test_odd_layer(
    blob: bytes, inside: bytes, suffix: str, said: str, host: Host, import_layer: Any
) -> None:
    """What its digests prove to be right is read, and noted."""
    run = import_layer(blob, inside, suffix)
    assert (run.status, len(run.stderr.splitlines())) == (0, 1)
    assert said in run.stderr
    (uuid,) = host.installed()
    assert (host.pool / uuid / "root" / "good").read_text() == "g" * 2000


def test_image_without_layers(host: Host, registry: Registry, layout: Layout) -> None:
    push_by_hand(registry, layout, layout.add_image([]), "empty/image", tag="1")
    run = host.run("import", "empty/image:1")
    assert (run.status, run.stderr) == (0, "")
    (uuid,) = host.installed()
    assert list((host.pool / uuid / "root").iterdir()) == []
    assert "already installed" in host.run("import", "empty/image:1").stdout


HOSTILE = {
    "above the root": [file("../outside", "x")],
    "deep above the root": [file("a/../../../outside", "x")],
    "a whiteout above the root": [file("../.wh.keep")],
    "a whiteout of the parent": [file("a/.wh...")],
    "a hard link to above": [link("x", "../../keep")],
    "a hard link to nothing": [link("x", "missing")],
    "a marker of nothing": [file(".wh.")],
}


@pytest.mark.parametrize("number", range(len(HOSTILE)), ids=list(HOSTILE))
def test_hostile_layer(number: int, host: Host, registry: Registry, layout: Layout) -> None:
    host.pool.mkdir(parents=True)
    keep = host.pool.parent / "keep"
    keep.write_text("mine")
    layout.tag("it", layout.add_image([GOOD, archive(*list(HOSTILE.values())[number])]))
    layout.push("it", f"{registry.host}/hostile:{number}")
    run = host.run("import", f"hostile:{number}")
    code, message = run.error()
    assert (run.status, code) == (1, "UncompressionError"), message
    assert keep.read_text() == "mine"
    assert not list(host.pool.parent.rglob("outside"))
    assert len(host.installed()) == 1  # the layer below it


def test_links_lead_nowhere_but_into_the_root(
    host: Host, registry: Registry, layout: Layout, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    trap = archive(symlink("etc", str(target)), symlink("up", "../../../../../.."))
    layers = [trap, archive(file("etc/x", "x"), file(f"up{target}/y", "y"))]
    layout.tag("it", layout.add_image(layers))
    layout.push("it", f"{registry.host}/links:1")
    run = host.run("import", "links:1")
    assert run.status in (0, 1)
    assert list(target.iterdir()) == []


def test_no_such_image(host: Host, registry: Registry) -> None:
    for name in ("nothing/here:1", "nothing/here@sha256:" + "0" * 64):
        run = host.run("import", name)
        said = f'an active image "{name}" was not found in image sources'
        assert run.error() == ("ActiveImageNotFound", said)
        run = host.run("show", name)
        assert run.error() == ("ImageNotFound", f'image "{name}" was not found')
    host.assert_tidy()


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("UPPER/case", '"UPPER/case" is no repository; only lower-case names are'),
        ("a//b", '"a//b" is no repository'),
        ("tag:with space", '"with space" is no tag'),
        ("-", '"-" is no repository'),
        ("a@sha256:12", '"sha256:12" is no digest; "sha256:" and 64 digits were expected'),
    ],
)
def test_what_is_no_name(argument: str, reason: str, host: Host) -> None:
    run = host.run("import", argument)
    assert run.status == 2
    assert run.error() == ("Usage", f'invalid image-id arg: "{argument}": {reason}')


def test_a_password_in_a_name_is_not_repeated(host: Host) -> None:
    run = host.run("import", "https://user:secret@registry.example/app")
    assert run.status == 2
    assert "secret" not in run.error()[1]


def test_name_with_an_ipv6_address(host: Host) -> None:
    """Nothing listens there, but that is where it was asked for."""
    run = host.run("import", "[::1]:1/app:v1")
    assert run.status == 1
    assert run.error()[1].startswith("http://[::1]:1: connect ")


def test_platform_that_is_none(host: Host) -> None:
    run = host.run("import", "--platform", "amd64", "a:1")
    assert (run.status, run.error()[0]) == (2, "Usage")


def test_damaged_blob(host: Host, registry: Registry, layout: Layout) -> None:
    """A registry that keeps other bytes than those it promises."""
    image = layout.add_image([GOOD, archive(file("top", os.urandom(5000)))])
    layout.tag("it", image)
    layout.push("it", f"{registry.host}/damaged:1")
    digest = document_of(layout, image)["layers"][1]["digest"].partition(":")[2]
    (stored,) = registry.data.rglob(f"{digest}/data")
    data = bytearray(stored.read_bytes())
    data[-20] ^= 1
    stored.write_bytes(data)
    run = host.run("import", "damaged:1")
    code, message = run.error()
    assert (run.status, code) == (1, "DownloadError")
    assert f'checksum (sha256) error: expected "{digest}"' in message
    assert digest_of(bytes(data)).partition(":")[2] in message
    assert len(host.installed()) <= 1


def test_private_registry(
    host: Host,
    private_registry: Registry,
    registry: Registry,
    registry_certificate: Path,
    layout: Layout,
    tmp_path: Path,
) -> None:
    layout.tag("it", layout.add_image([GOOD]))
    layout.push("it", f"{registry.host}/private/image:1")
    configure(host, private_registry.url)
    name = "private/image:1"
    untrusted = host.run("import", name)
    assert (untrusted.status, len(untrusted.stderr.splitlines())) == (1, 1)
    host.environment["REQUESTS_CA_BUNDLE"] = str(registry_certificate)
    host.environment["DOCKER_CONFIG"] = str(tmp_path)
    code, message = host.run("import", name).error()
    assert code == "UnauthorizedError", message

    def log_in(password: str) -> None:
        auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
        auths = {private_registry.host: {"auth": auth}}
        (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))

    log_in("wrong-password")
    run = host.run("-v", "import", name)
    assert (run.status, "wrong-password" in run.stderr + run.stdout) == (1, False)
    log_in(PASSWORD)
    host.environment["IMGADM_LOG_LEVEL"] = "trace"
    run = host.run("import", name)
    assert run.status == 0, run
    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert PASSWORD not in run.stderr + run.stdout
    assert secret not in run.stderr + run.stdout
    assert host.root.joinpath("images").exists() is False


def test_no_space(host: Host, registry: Registry, layout: Layout) -> None:
    """The pool is full in the middle of a layer."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    host.pool.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(host.pool)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        large = archive(file("large", bytes(20 << 20)))
        layout.tag("it", layout.add_image([GOOD, large]))
        layout.push("it", f"{registry.host}/large-one:1")
        run = host.run("import", "large-one:1")
        code, message = run.error()
        assert (run.status, code) == (1, "ENOSPC")
        assert "no space left for image " in message
        assert len(host.installed()) == 1
        assert all(len(name) == 36 for name in host.installed())
    finally:
        subprocess.run(["umount", str(host.pool)], check=True)
