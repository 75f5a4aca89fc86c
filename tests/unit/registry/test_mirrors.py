"""Mirrors of a registry: asked before it, believed no more than it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from imgadm.base.errors import ConfigError
from imgadm.registry import NotInRegistryError
from tests.stands.registry.layouts import Layout
from tests.stands.registry.server import Registry
from tests.unit.registry.conftest import FILES, OpenDocker, resolved


@pytest.fixture
def mirrored(layout: Layout, registry: Registry) -> str:
    """An image as a mirror at ``/cache`` of ``registry`` keeps it, and nobody else."""
    layout.tag("v", layout.add_image(FILES, config={"comment": "from a mirror"}))
    layout.push("v", f"{registry.host}/cache/up/stream:v")
    return "up/stream:v"


def test_a_mirror_stands_in_for_a_registry_that_is_down(
    registry: Registry, mirrored: str, unused_port: int, opened_registry: OpenDocker
) -> None:
    host = f"127.0.0.1:{unused_port}"
    source = opened_registry(f"http://{host}", mirrors={host: [f"{registry.url}/cache/"]})
    image = resolved(source, mirrored)
    assert image.config["comment"] == "from a mirror"
    assert image.reference.local_name == f"{host}/up/stream"


def test_docker_hub_is_mirrored_by_its_name(
    registry: Registry, layout: Layout, opened_registry: OpenDocker
) -> None:
    layout.tag("v", layout.add_image(FILES))
    layout.push("v", f"{registry.host}/hub/library/busybox:1")
    source = opened_registry("https://docker.io", mirrors={"docker.io": [f"{registry.url}/hub"]})
    assert str(resolved(source, "busybox:1").reference) == "busybox:1"


def test_what_a_mirror_lacks_the_registry_has(
    registry: Registry, two_layers: str, web: Any, opened_registry: OpenDocker
) -> None:
    mirrors = {registry.host: [web.url, f"{registry.url}/empty"]}
    image = resolved(opened_registry(registry.url, mirrors=mirrors), two_layers)
    assert len(image.layers) == 2
    assert "/v2/two/layers/manifests/v1" in web.paths
    with pytest.raises(NotInRegistryError, match="two/layers:v2 was not found"):
        resolved(opened_registry(registry.url, mirrors=mirrors), "two/layers:v2")


def test_a_mirror_that_sends_something_else(
    registry: Registry, two_layers: str, web: Any, opened_registry: OpenDocker
) -> None:
    """What a digest names cannot be something else; it comes from the registry then."""
    source = opened_registry(registry.url)
    digest = resolved(source, two_layers).digest
    web["*"] = {"schemaVersion": 2, "config": {}, "layers": [{}]}
    mirrored = opened_registry(registry.url, mirrors={registry.host: [web.url]})
    assert resolved(mirrored, f"two/layers@{digest}").digest == digest
    assert f"/v2/two/layers/manifests/{digest}" in web.paths


def test_credentials_of_a_registry_are_not_its_mirrors(
    registry: Registry, two_layers: str, web: Any, opened_registry: OpenDocker
) -> None:
    web["*"] = (401, {"WWW-Authenticate": 'Basic realm="x"'}, {})
    url = registry.url.replace("//", "//ann:s3cret@")
    resolved(opened_registry(url, mirrors={registry.host: [web.url]}), two_layers)
    assert web.requests
    assert all("authorization" not in headers for _, headers in web.requests)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ("http://127.0.0.1", "a list was expected"),
        ([5], "a URL was expected"),
        ([{"insecure": True}], "a URL was expected"),
        ([{"url": "http://127.0.0.1", "insecure": "yes"}], "a URL was expected"),
        (["ftp://127.0.0.1"], "an HTTP URL was expected"),
        (["https://user:s3cret@mirror.example"], "has a password in its URL"),
        (["http://mirror.example"], "plain http only if it is on this machine"),
        (["https://mirror.example:99999"], "port"),
    ],
)
def test_settings_that_make_no_sense(
    registry: Registry, opened_registry: OpenDocker, entries: Any, reason: str
) -> None:
    source = opened_registry(registry.url, mirrors={registry.host: entries})
    with pytest.raises(ConfigError, match=reason) as caught:
        resolved(source, "a/b")
    assert "s3cret" not in caught.value.message


def test_a_setting_for_what_is_no_registry(registry: Registry, opened_registry: OpenDocker) -> None:
    source = opened_registry(registry.url, mirrors={"bogus": []})
    with pytest.raises(ConfigError, match='"mirrors" has an entry for no registry: .*"bogus"'):
        resolved(source, "a/b")


def test_mirrors_of_other_registries_are_not_asked(
    registry: Registry, two_layers: str, web: Any, opened_registry: OpenDocker, tmp_path: Path
) -> None:
    port = urlsplit(registry.url).port
    mirrors = {"docker.io": [web.url], f"localhost:{port}": [web.url], "127.0.0.1:1": [web.url]}
    resolved(opened_registry(registry.url, mirrors=mirrors), two_layers)
    assert web.requests == []


def test_a_mirror_that_does_not_answer_is_asked_once(
    registry: Registry, two_layers: str, opened_registry: OpenDocker, unused_port: int
) -> None:
    told: list[Any] = []
    source = opened_registry(
        registry.url,
        mirrors={registry.host: [f"http://127.0.0.1:{unused_port}"]},
        retry_delays=(1,),
        on_retry=told.append,
    )
    assert resolved(source, two_layers) == resolved(source, two_layers)
    assert [retry.url for retry in told] == [f"http://127.0.0.1:{unused_port}"]
