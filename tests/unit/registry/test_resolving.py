"""Images of a real registry, pushed by an independent client: which one, and what is in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imgadm.registry import NotInRegistryError
from imgadm.registry.documents.image_parts import MAX_RUN_CONFIG
from imgadm.registry.documents.manifests import MAX_LAYERS
from imgadm.registry.errors import BadDigestError, InvalidContentError, InvalidDockerInfoError
from imgadm.sources import UnreachableError
from tests.stands.registry.layouts import INDEX, MANIFEST, Layout, digest_of, skopeo, tar_of
from tests.stands.registry.pushing import push_by_hand
from tests.stands.registry.server import Registry
from tests.unit.registry.conftest import FILES, OpenDocker, resolved


def test_an_image(registry: Registry, two_layers: str, opened_registry: OpenDocker) -> None:
    image = resolved(opened_registry(registry.url), two_layers)
    raw = skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{registry.host}/{two_layers}")
    manifest = json.loads(raw)
    assert image.digest == digest_of(raw.encode())
    assert image.config_digest == manifest["config"]["digest"]
    assert image.config["config"]["Cmd"] == ["/bin/sh"]
    assert [(layer.digest, layer.size) for layer in image.layers] == [
        (layer["digest"], layer["size"]) for layer in manifest["layers"]
    ]
    assert [layer.diff_id for layer in image.layers] == [digest_of(tar) for tar in FILES]
    assert {layer.compression for layer in image.layers} == {"gzip"}
    assert str(image.platform) == "linux/amd64"


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_compressions(
    registry: Registry, layout: Layout, opened_registry: OpenDocker, compression: str
) -> None:
    layout.tag("v", layout.add_image(FILES, compression=compression))
    layout.push("v", f"{registry.host}/packed/{compression}")
    image = resolved(opened_registry(registry.url), f"packed/{compression}")
    assert {layer.compression for layer in image.layers} == {compression}


@pytest.mark.parametrize("kind", ["v2s2", "oci"])
def test_both_formats_are_one_image(
    registry: Registry, two_layers: str, opened_registry: OpenDocker, kind: str
) -> None:
    other = f"{registry.host}/as-{kind}/{two_layers}"
    skopeo("copy", "--format", kind, "--src-tls-verify=false", "--dest-tls-verify=false",
           f"docker://{registry.host}/{two_layers}", f"docker://{other}")  # fmt: skip
    source = opened_registry(registry.url)
    assert resolved(source, other).layers == resolved(source, two_layers).layers


def test_a_list_of_docker_s_own(
    registry: Registry, layout: Layout, opened_registry: OpenDocker
) -> None:
    """A registry gives it to who takes lists, and a manifest of its choice to others."""
    images = [layout.add_image(FILES, platform=f"linux/{name}") for name in ("386", "arm64")]
    layout.tag("v", layout.add_index(images))
    layout.push("v", f"{registry.host}/docker/index")
    skopeo("copy", "--all", "--format", "v2s2", "--src-tls-verify=false", "--dest-tls-verify=false",
           f"docker://{registry.host}/docker/index",
           f"docker://{registry.host}/docker/list")  # fmt: skip
    source = opened_registry(registry.url)
    assert str(resolved(source, "docker/list", "linux/arm64").platform) == "linux/arm64"
    with pytest.raises(InvalidDockerInfoError, match="linux/386, linux/arm64;"):
        resolved(source, "docker/list")


@pytest.fixture(scope="module")
def many_platforms(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An index whose first entry is for nobody here; each image has one file with its platform."""
    layout = Layout(tmp_path_factory.mktemp("platforms") / "layout")

    def image(platform: str, **config: Any) -> dict[str, Any]:
        return layout.add_image(
            [tar_of({"platform": platform.encode()})], platform=platform, config=config
        )

    attestation = image("linux/amd64", attested=True)
    attestation["platform"] = {"os": "unknown", "architecture": "unknown"}
    annotated = {
        **image("linux/amd64", attested=2),
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    }
    listed = [attestation, annotated]
    listed += map(
        image,
        ["linux/386", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8", "linux/amd64/v3"],
    )
    nested = layout.add_index([image("linux/amd64"), image("linux/s390x")])
    unnamed = image("linux/riscv64")
    del unnamed["platform"]
    push_by_hand(registry, layout, layout.add_index([*listed, nested, unnamed]), "all/platforms")
    return "all/platforms:latest"


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("linux/amd64", "linux/amd64"),  # in the nested index, not v3, not 386
        ("linux/amd64/v4", "linux/amd64/v3"),
        ("linux/386", "linux/386"),
        ("linux/arm/v7", "linux/arm/v7"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/v8", "linux/arm/v7"),
        ("linux/arm64", "linux/arm64/v8"),
        ("linux/s390x", "linux/s390x"),
        ("linux/riscv64", "linux/riscv64"),  # which only its configuration tells
    ],
)
def test_platforms(
    registry: Registry, many_platforms: str, opened_registry: OpenDocker, wanted: str, got: str
) -> None:
    image = resolved(opened_registry(registry.url), many_platforms, wanted)
    assert str(image.platform) == got
    assert "attested" not in image.config
    assert image.layers[0].diff_id == digest_of(tar_of({"platform": got.encode()}))


def test_a_platform_that_is_not_there(
    registry: Registry, many_platforms: str, opened_registry: OpenDocker
) -> None:
    with pytest.raises(InvalidDockerInfoError) as caught:
        resolved(opened_registry(registry.url), many_platforms, "linux/ppc64le")
    assert caught.value.code == "InvalidDockerInfo"
    assert (
        "no linux/ppc64le platform found in manifest list: linux/386, linux/arm/v6, linux/arm/v7, "
        "linux/arm64/v8, linux/amd64/v3, linux/amd64, linux/s390x, linux/riscv64; choose one with "
        "--platform"
    ) in caught.value.message


def test_a_single_image_of_another_platform(
    registry: Registry, layout: Layout, opened_registry: OpenDocker
) -> None:
    layout.tag("v", layout.add_image(FILES, platform="linux/arm64"))
    layout.push("v", f"{registry.host}/single/arm")
    with pytest.raises(InvalidDockerInfoError, match="no linux/amd64 platform .*: linux/arm64;"):
        resolved(opened_registry(registry.url), "single/arm")


def test_an_index_that_promises_another_platform(
    registry: Registry, layout: Layout, opened_registry: OpenDocker
) -> None:
    image = layout.add_image(FILES, platform="linux/arm64")
    image["platform"] = {"os": "linux", "architecture": "amd64"}
    layout.tag("v", layout.add_index([image]))
    layout.push("v", f"{registry.host}/promised/arm")
    (doubt,) = resolved(opened_registry(registry.url), "promised/arm").doubts
    assert f"promised/arm@{image['digest']} is for linux/amd64" in doubt


def test_by_digest(registry: Registry, many_platforms: str, opened_registry: OpenDocker) -> None:
    source = opened_registry(registry.url)
    name = many_platforms.rpartition(":")[0]
    raw = skopeo(
        "inspect", "--raw", "--tls-verify=false", f"docker://{registry.host}/{many_platforms}"
    )
    by_tag = resolved(source, many_platforms)
    of_index = resolved(source, f"{name}@{digest_of(raw.encode())}")
    of_image = resolved(source, f"{name}:whatever@{by_tag.digest}")
    assert by_tag.layers == of_index.layers == of_image.layers
    assert by_tag.digest == of_index.digest == of_image.digest
    with pytest.raises(NotInRegistryError, match="was not found: manifest unknown"):
        resolved(source, f"{name}@sha256:{'0' * 64}")


@pytest.mark.parametrize("name", ["no/such", "two/such:tag", "no/such@sha256:" + "1" * 64])
def test_what_is_not_there(registry: Registry, opened_registry: OpenDocker, name: str) -> None:
    with pytest.raises(NotInRegistryError) as caught:
        resolved(opened_registry(registry.url), name)
    assert caught.value.code == "ImageNotFound"
    assert name in caught.value.message


def test_forty_layers_of_which_some_repeat(
    registry: Registry, layout: Layout, opened_registry: OpenDocker
) -> None:
    tars = [tar_of({"number": b"%d" % (number % 30)}) for number in range(40)]
    layout.tag("v", layout.add_image(tars))
    layout.push("v", f"{registry.host}/forty/layers")
    image = resolved(opened_registry(registry.url), "forty/layers")
    assert [layer.diff_id for layer in image.layers] == [digest_of(tar) for tar in tars]


def test_an_index_without_a_type(
    registry: Registry, layout: Layout, opened_registry: OpenDocker
) -> None:
    """Which OCI allows; only the answer's Content-Type says what it is."""
    index = layout.add_index([layout.add_image(FILES)])
    document = json.loads(layout.read(index))
    del document["mediaType"]
    push_by_hand(registry, layout, layout.add_json(document, INDEX), "untyped/index")
    assert len(resolved(opened_registry(registry.url), "untyped/index").layers) == 2


REFUSED = [
    (
        {"config": {"mediaType": "application/vnd.cncf.helm.config.v1+json"}},
        "it is no image, but an artifact of type application/vnd.cncf.helm.config.v1+json",
    ),
    (
        {
            "artifactType": "application/vnd.example.sbom",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json"},
        },
        "it is no image, but an artifact of type application/vnd.example.sbom",
    ),
    (
        {"layers": [{"mediaType": "application/vnd.in-toto+json"}]},
        "layer 0 is no part of a file system that we can read: its type is "
        "application/vnd.in-toto+json",
    ),
    ({"layers": []}, "its config is of 1 layers, its manifest of 0"),
    ({"layers": [{}] * (MAX_LAYERS + 1)}, f"it has {MAX_LAYERS + 1} layers, at most {MAX_LAYERS}"),
]


def test_configuration_that_every_layer_would_repeat(
    registry: Registry, layout: Layout, opened_registry: OpenDocker
) -> None:
    large = {"config": {"Env": ["x" * MAX_RUN_CONFIG]}}
    push_by_hand(registry, layout, layout.add_image(FILES, config=large), "large/config")
    with pytest.raises(InvalidContentError, match="bytes to start a container with, at most"):
        resolved(opened_registry(registry.url), "large/config")
    elsewhere = {"history": [{"comment": "x" * MAX_RUN_CONFIG}]}
    push_by_hand(registry, layout, layout.add_image(FILES, config=elsewhere), "large/config")
    assert len(resolved(opened_registry(registry.url), "large/config").layers) == len(FILES)


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
def test_what_is_no_image_that_we_can_use(
    registry: Registry,
    layout: Layout,
    opened_registry: OpenDocker,
    changes: dict[str, Any],
    reason: str,
) -> None:
    manifest = json.loads(layout.read(layout.add_image(FILES[:1])))
    layer = manifest["layers"][0]
    for name, value in changes.items():
        match name:
            case "config":
                manifest["config"] |= value
            case "layers":
                manifest["layers"] = [{**layer, **change} for change in value]
            case _:
                manifest[name] = value
    push_by_hand(registry, layout, layout.add_json(manifest, MANIFEST), "refused/image")
    with pytest.raises((InvalidDockerInfoError, InvalidContentError)) as caught:
        resolved(opened_registry(registry.url), "refused/image")
    assert reason in caught.value.message
    assert "\n" not in caught.value.message


def test_a_configuration_that_was_tampered_with_at_rest(
    registry: Registry, layout: Layout, opened_registry: OpenDocker
) -> None:
    """The registry gives out the blob that it finds on its disk, whatever that is by now."""
    layout.tag("v", layout.add_image(FILES[:1], config={"comment": "tampered with"}))
    name = f"{registry.host}/tampered/config"
    layout.push("v", name)
    source = opened_registry(registry.url)
    digest = resolved(source, name).config_digest
    assert digest is not None
    hexadecimal = digest.removeprefix("sha256:")
    stored = registry.data / "docker/registry/v2/blobs/sha256" / hexadecimal[:2] / hexadecimal
    content = (stored / "data").read_bytes()
    (stored / "data").write_bytes(content.replace(b"/bin/sh", b"/bin/su"))
    with pytest.raises(BadDigestError, match=f"config {digest} of .*tampered/config"):
        resolved(source, name)
    (stored / "data").write_bytes(content + b" ")
    with pytest.raises(InvalidContentError, match="unexpected downloaded size: expected"):
        resolved(source, name)


def test_a_registry_that_is_not_there(unused_port: int, opened_registry: OpenDocker) -> None:
    with pytest.raises(UnreachableError) as caught:
        resolved(opened_registry(f"http://127.0.0.1:{unused_port}", retry_delays=()), "a/b")
    assert caught.value.code == "ECONNREFUSED"


def test_schema_1_as_the_registry_converts_it(
    registry: Registry,
    two_layers: str,
    opened_registry: OpenDocker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A registry gives it to whoever does not say that he takes another, signed."""
    monkeypatch.setattr(
        "imgadm.registry.repository.MANIFEST_ACCEPT",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    )
    other = f"{registry.host}/as-v1/{two_layers}"
    skopeo("copy", "--format", "v2s2", "--src-tls-verify=false", "--dest-tls-verify=false",
           f"docker://{registry.host}/{two_layers}", f"docker://{other}")  # fmt: skip
    image = resolved(opened_registry(registry.url), other)
    assert len(image.layers) == 2
    assert image.config_digest is None
    assert image.config["architecture"] == "amd64"
    assert {(layer.size, layer.compression, layer.diff_id) for layer in image.layers} == {
        (None, None, None)
    }
