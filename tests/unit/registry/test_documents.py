"""Documents of registries that mean harm, or make no sense: one line each, and no request more."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import re
import zlib
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgadm.registry import NotInRegistryError
from imgadm.registry.documents.descriptors import ManifestError
from imgadm.registry.documents.download import MAX_DOCUMENTS
from imgadm.registry.documents.images import NO_FILES_LAYER
from imgadm.registry.documents.manifests import is_schema1, parse_document, read_manifest
from imgadm.registry.documents.schema1 import read_schema1
from imgadm.registry.errors import (
    BadDigestError,
    InvalidContentError,
    InvalidDockerInfoError,
    RegistryError,
    TooManyRequestsError,
    UnauthorizedError,
)
from imgadm.sources import SourceError, UnusableReplyError
from tests.stands.registry.layouts import CONFIG, DOCKER, INDEX, LAYER, MANIFEST, digest_of
from tests.unit.registry.conftest import OpenDocker, resolved

PATH = "/v2/a/b/manifests/v"
AMD64 = {"os": "linux", "architecture": "amd64"}
EMPTY = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def descriptor(data: bytes = b"{}", kind: str = LAYER, **more: Any) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data), **more}


def image(config: bytes = b"{}", **changes: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(config, CONFIG),
        "layers": [descriptor()],
        **changes,
    }


def sent(document: Any, kind: str = MANIFEST, **headers: str) -> tuple[int, dict[str, str], bytes]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return 200, {"Content-Type": kind, **headers}, body


def put(web: Any, document: Any, kind: str = MANIFEST) -> dict[str, Any]:
    """Let ``web`` have a document under its digest; returns its descriptor."""
    answer = sent(document, kind)
    web[f"/v2/a/b/manifests/{digest_of(answer[2])}"] = answer
    return descriptor(answer[2], kind)


def put_config(web: Any, config: bytes = b"{}") -> None:
    web[f"/v2/a/b/blobs/{digest_of(config)}"] = config


DOCUMENTS = [
    (b"{", "not JSON"),
    (b"[]", "an object was expected, got an array"),
    (b'{"schemaVersion": 2, "x": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested deeper than"),
    ({}, "No docker manifest schemaVersion defined"),
    ({"schemaVersion": 3}, "Unsupported docker manifest version: 3"),
    ({"schemaVersion": True}, "Unsupported docker manifest version: true"),
    ({"schemaVersion": 2, "mediaType": 5}, 'its "mediaType" is 5'),
    (image(mediaType=INDEX), "image.index.v1+json, but it was sent as application/vnd.oci."),
    (image(manifests=[]), 'both "manifests" and "layers"'),
    (image(mediaType="application/example"), "application/example, but it was sent as"),
    ({"schemaVersion": 2, "mediaType": MANIFEST}, "No docker manifest config defined"),
    ({**image(), "config": 5}, "its config is a number"),
    (image(layers={}), 'its "layers" is an object, an array was expected'),
    (image(layers=[5]), "layer 0 is a number, an object was expected"),
    (image(layers=[descriptor(), {}]), "got: null (layer 1)"),
    (image(layers=[descriptor(digest="sha256:zz")]), "digests should be of the form"),
    (image(layers=[descriptor(digest="../../../etc/passwd")]), "digests should be of the form"),
    (image(layers=[descriptor() | {"mediaType": 5}]), "layer 0 has the mediaType 5"),
    (image(layers=[descriptor(size=1.5)]), "layer 0 has the size 1.5"),
    (image(layers=[descriptor(size="2")]), 'layer 0 has the size "2"'),
    (image(layers=[descriptor(kind=LAYER + "+gzip+encrypted")]), "its type is application/vnd"),
    (image(layers=[descriptor(size=True)]), "layer 0 has the size true"),
    (image(layers=[descriptor(size=1 << 60)]), "layer 0 has the size"),
    (image(layers=[descriptor(kind="text/html\n\x1b[2J")]), r"its type is text/html\n\x1b[2j"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "reason"), DOCUMENTS)
def test_manifests(web: Any, opened_registry: OpenDocker, document: Any, reason: str) -> None:
    web[PATH] = sent(document)
    with pytest.raises((InvalidContentError, InvalidDockerInfoError)) as caught:
        resolved(opened_registry(web.url), "a/b:v")
    assert reason in caught.value.message
    assert caught.value.message.isprintable()
    assert web.paths == [PATH]


CONFIGS = [
    (b"[]", InvalidContentError, "is no JSON object"),
    (b"nonsense", InvalidContentError, "is not JSON"),
    (b'{"rootfs": 5}', InvalidContentError, "has the rootfs 5"),
    (b'{"rootfs": {"diff_ids": ["x"]}}', InvalidContentError, '"diff_ids" was expected'),
    (b'{"rootfs": {"diff_ids": []}}', InvalidContentError, "of 0 layers, its manifest of 1"),
    (b'{"os": "windows", "architecture": "amd64"}', InvalidDockerInfoError, "windows/amd64"),
]  # fmt: skip


@pytest.mark.parametrize(("config", "error", "reason"), CONFIGS)
def test_configurations(
    web: Any, opened_registry: OpenDocker, config: bytes, error: type[SourceError], reason: str
) -> None:
    web[PATH] = sent(image(config))
    put_config(web, config)
    with pytest.raises(error) as caught:
        resolved(opened_registry(web.url), "a/b:v")
    assert reason in caught.value.message


def test_a_configuration_that_says_nothing(web: Any, opened_registry: OpenDocker) -> None:
    web[PATH] = sent(image())
    put_config(web)
    found = resolved(opened_registry(web.url), "a/b:v")
    assert (found.config, str(found.platform)) == ({}, "linux/amd64")
    assert found.layers[0].diff_id is None


def index(*entries: Any, **more: Any) -> tuple[int, dict[str, str], bytes]:
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries), **more}
    return sent(document, INDEX)


@pytest.mark.parametrize(
    "kind", ["text/html", "application/json", "application/octet-stream", None]
)
def test_types_of_configurations(web: Any, opened_registry: OpenDocker, kind: str | None) -> None:
    web[PATH] = sent(image() | {"config": descriptor(kind=kind)})
    put_config(web)
    assert len(resolved(opened_registry(web.url), "a/b:v").layers) == 1


@pytest.mark.parametrize(
    ("kind", "compression"),
    [
        (None, None),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip; x=y ", "gzip"),
        ("APPLICATION/VND.OCI.IMAGE.LAYER.V1.TAR+GZIP", "gzip"),
        ("application/x-gtar", None),
        ("application/gzip", None),
        ("application/vnd.oci.image.layer.v1.tar+xz", None),
    ],
)
def test_types_of_layers(
    web: Any, opened_registry: OpenDocker, kind: str | None, compression: str | None
) -> None:
    web[PATH] = sent(image(layers=[descriptor() | {"mediaType": kind}]))
    put_config(web)
    (layer,) = resolved(opened_registry(web.url), "a/b:v").layers
    assert layer.compression == compression


@pytest.mark.parametrize("size", [0, -1, None, 2.0, "absent"])
def test_sizes_that_say_nothing(web: Any, opened_registry: OpenDocker, size: Any) -> None:
    def sized(entry: dict[str, Any]) -> dict[str, Any]:
        del entry["size"]
        return entry if size == "absent" else entry | {"size": size}

    child = put(
        web, image(layers=[sized(descriptor())]) | {"config": sized(descriptor(kind=CONFIG))}
    )
    if size != 2.0:
        child = sized(child)
    web[PATH] = index(child | {"platform": AMD64})
    put_config(web)
    (layer,) = resolved(opened_registry(web.url), "a/b:v").layers
    assert layer.size == (2 if size == 2.0 else None)


@pytest.mark.parametrize("layers", [[], None, "absent"])
@pytest.mark.parametrize("rootfs", [b"{}", b'{"diff_ids": []}', b'{"diff_ids": null}', b"null"])
def test_image_without_layers(
    web: Any, opened_registry: OpenDocker, layers: Any, rootfs: bytes
) -> None:
    config = b'{"os": "linux", "architecture": "amd64", "rootfs": ' + rootfs + b"}"
    document = image(config, layers=layers)
    if layers == "absent":
        del document["layers"]
    web[PATH] = sent(document)
    put_config(web, config)
    assert resolved(opened_registry(web.url), "a/b:v").layers == (NO_FILES_LAYER,)


CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": lambda body: zlib.compress(body, wbits=-15),
    "zstd": zstandard.ZstdCompressor().compress,
    "gzip, gzip": lambda body: gzip.compress(gzip.compress(body)),
    "aws-chunked": lambda body: body,
    "br": lambda body: body,
    "GZIP": lambda body: body,
    "identity": lambda body: body,
}


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("header", [True, False])
def test_content_coding(web: Any, opened_registry: OpenDocker, coding: str, header: bool) -> None:
    """Whether or not it is true; the digest tells, or else what is JSON."""
    status, headers, body = sent(image())
    if header:
        headers["Docker-Content-Digest"] = digest_of(body)
    said = {**headers, "Content-Encoding": coding}
    web[PATH] = status, said, CODINGS[coding](body)
    web[f"/v2/a/b/blobs/{digest_of(b'{}')}"] = (200, said, CODINGS[coding](b"{}"))
    found = resolved(opened_registry(web.url), "a/b:v")
    assert found.digest == digest_of(body)


def test_coded_bomb(web: Any, opened_registry: OpenDocker) -> None:
    bomb = gzip.compress(b" " * (64 << 20))
    web[PATH] = (200, {"Content-Type": MANIFEST, "Content-Encoding": "gzip"}, bomb)
    with pytest.raises(InvalidContentError):
        resolved(opened_registry(web.url), "a/b:v")


def test_header_beside_a_digest_that_is_right(web: Any, opened_registry: OpenDocker) -> None:
    status, headers, body = sent(image(), **{"Docker-Content-Digest": ONE})
    web[f"/v2/a/b/manifests/{digest_of(body)}"] = status, headers, body
    put_config(web)
    assert resolved(opened_registry(web.url), f"a/b@{digest_of(body)}").digest == digest_of(body)


def test_type_of_the_answer_that_is_the_other_format_s(
    web: Any, opened_registry: OpenDocker
) -> None:
    web[PATH] = sent(image(), DOCKER + "distribution.manifest.v2+json")
    put_config(web)
    assert len(resolved(opened_registry(web.url), "a/b:v").layers) == 1


NO_IMAGES = {
    "no object": 5,
    "no digest": {"mediaType": MANIFEST, "platform": {"os": "x", "architecture": "y"}},
    "a digest that is none": {"mediaType": MANIFEST, "digest": "md5:1", "size": [], "platform": 7}
    | {"platform": {"os": "plan9", "architecture": "amd64"}},
    "another type": descriptor(kind="application/vnd.example+json", platform=AMD64),
    "an artifact by its own word": descriptor(kind=MANIFEST, artifactType="text/spdx"),
    "annotations that are null": descriptor(
        kind=MANIFEST, annotations=None, platform={"os": "unknown", "architecture": "unknown"}
    ),
}


@pytest.mark.parametrize("other", NO_IMAGES)
def test_entries_that_are_not_chosen(web: Any, opened_registry: OpenDocker, other: str) -> None:
    child = put(web, image()) | {"platform": AMD64}
    web[PATH] = index(NO_IMAGES[other], child)
    put_config(web)
    found = resolved(opened_registry(web.url), "a/b:v")
    assert (found.digest, found.doubts) == (child["digest"], ())


def test_chosen_entry_that_makes_no_sense(web: Any, opened_registry: OpenDocker) -> None:
    web[PATH] = index({"mediaType": MANIFEST, "digest": "md5:1", "platform": AMD64})
    with pytest.raises(InvalidContentError, match="manifest 0 of its list"):
        resolved(opened_registry(web.url), "a/b:v")


@pytest.mark.parametrize("platform", [None, AMD64])
def test_artifacts_hide_no_image(
    web: Any, opened_registry: OpenDocker, platform: dict[str, str] | None
) -> None:
    artifact = put(web, image() | {"config": descriptor(kind="application/vnd.oci.empty.v1+json")})
    signature = put(web, image(layers=[descriptor(kind="application/vnd.dev.cosign.x+json")]))
    child = put(web, image())
    entries = [entry | {"platform": platform} for entry in (artifact, signature, child)]
    web[PATH] = index(*entries)
    put_config(web)
    assert resolved(opened_registry(web.url), "a/b:v").digest == child["digest"]
    web[PATH] = index(*entries[:2])
    with pytest.raises(InvalidDockerInfoError, match="but an artifact of type"):
        resolved(opened_registry(web.url), "a/b:v")


ARM = b'{"os": "linux", "architecture": "arm64"}'


def test_index_and_image_that_disagree(web: Any, opened_registry: OpenDocker) -> None:
    child = put(web, image(ARM)) | {"platform": AMD64}
    web[PATH] = index(child)
    put_config(web, ARM)
    found = resolved(opened_registry(web.url), "a/b:v")
    (doubt,) = found.doubts
    assert str(found.platform) == "linux/arm64"
    assert f"a/b@{child['digest']} is for linux/amd64, the image says" in doubt


def test_image_of_another_platform_by_its_digest(web: Any, opened_registry: OpenDocker) -> None:
    child = put(web, image(ARM))
    put_config(web, ARM)
    source = opened_registry(web.url)
    found = resolved(source, f"a/b@{child['digest']}")
    assert (str(found.platform), len(found.doubts)) == ("linux/arm64", 1)
    web[PATH] = sent(image(ARM))
    with pytest.raises(InvalidDockerInfoError, match=f"by its digest: .*a/b@{child['digest']}"):
        resolved(source, "a/b:v")


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + json.dumps(image()).encode(),
        b" \r\n" + json.dumps(image()).encode() + b"\n\n ",
        json.dumps(image()).encode()[:-1] + b', "layers": []}',
        json.dumps(image(schemaVersion=2.0)).encode(),
        json.dumps(image(annotations=None, subject=None)).encode(),
    ],
    ids=["BOM", "blanks", "a key twice", "a float", "null"],
)
def test_odd_json(web: Any, opened_registry: OpenDocker, body: bytes) -> None:
    web[PATH] = sent(body)
    put_config(web)
    assert resolved(opened_registry(web.url), "a/b:v").digest == digest_of(body)


@pytest.mark.parametrize("depth", [4, 5])
def test_indexes_in_indexes(web: Any, opened_registry: OpenDocker, depth: int) -> None:
    put_config(web)
    inner = put(web, image())
    for _ in range(depth):
        inner = put(web, {"schemaVersion": 2, "mediaType": INDEX, "manifests": [inner]}, INDEX)
    source = opened_registry(web.url)
    if depth == 4:
        assert resolved(source, f"a/b@{inner['digest']}").layers
    else:
        with pytest.raises(InvalidContentError, match="in more than 4 levels"):
            resolved(source, f"a/b@{inner['digest']}")


def test_entries_that_do_not_say_what_they_are(web: Any, opened_registry: OpenDocker) -> None:
    put_config(web)
    child = put(web, image())
    inner = put(web, {"schemaVersion": 2, "manifests": [child | {"mediaType": None}]}, INDEX)
    web[PATH] = index({"digest": inner["digest"]})
    assert resolved(opened_registry(web.url), "a/b:v").digest == child["digest"]


def test_an_index_that_leads_back_to_itself(web: Any, opened_registry: OpenDocker) -> None:
    """Which no digest can, so the registry has to lie about one."""
    loop = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(kind=INDEX, size=9)]}
    body = json.dumps(loop).encode()
    loop["manifests"][0]["size"] = len(body)  # type: ignore[index]
    web["*"] = sent(loop, INDEX)
    with pytest.raises((BadDigestError, InvalidContentError)):
        resolved(opened_registry(web.url), "a/b:v")
    assert len(web.paths) == 2


def test_an_index_with_too_much_to_try(web: Any, opened_registry: OpenDocker) -> None:
    others = []
    for number in range(40):
        config = json.dumps({"os": "plan9", "architecture": f"a{number}"}).encode()
        put_config(web, config)
        others.append(put(web, image(config)))
    web[PATH] = sent({"schemaVersion": 2, "mediaType": INDEX, "manifests": others}, INDEX)
    with pytest.raises(InvalidContentError, match=f"more than {MAX_DOCUMENTS} manifests"):
        resolved(opened_registry(web.url), "a/b:v")


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([], "no manifests in manifest list"),
        ([{}] * 1001, "it lists 1001 manifests, at most 1000"),
        ([5, None, {}], "got: null (manifest 2 of its list)"),
        ([descriptor(kind="text/html", platform=AMD64)], "found in manifest list: none"),
        (
            [descriptor(kind=MANIFEST, platform={"os": f"os{number}", "architecture": "x"})
             for number in range(100)],
            "os19/x, ...",
        ),
    ],
)  # fmt: skip
def test_indexes(web: Any, opened_registry: OpenDocker, entries: Any, reason: str) -> None:
    web[PATH] = sent({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, INDEX)
    with pytest.raises((InvalidContentError, InvalidDockerInfoError)) as caught:
        resolved(opened_registry(web.url), "a/b:v")
    assert reason in caught.value.message


@pytest.mark.parametrize("fault", ["size", "digest", "kind"])
def test_a_child_that_is_not_what_the_index_promises(
    web: Any, opened_registry: OpenDocker, fault: str
) -> None:
    child = put(web, image()) | {"platform": AMD64}
    match fault:
        case "size":
            child["size"] += 1
        case "digest":
            web[f"/v2/a/b/manifests/{ONE}"] = sent(image())
            child["digest"] = ONE
        case "kind":
            child |= put(web, {"schemaVersion": 2, "manifests": [child]}, INDEX)
            child["mediaType"] = MANIFEST
    web[PATH] = sent({"schemaVersion": 2, "manifests": [child]}, INDEX)
    error = BadDigestError if fault == "digest" else InvalidContentError
    with pytest.raises(error):
        resolved(opened_registry(web.url), "a/b:v")


def test_a_header_that_contradicts_the_document(web: Any, opened_registry: OpenDocker) -> None:
    web[PATH] = sent(image(), **{"Docker-Content-Digest": ONE})
    with pytest.raises(BadDigestError, match=f"Docker-Content-Digest header, {ONE}, does not"):
        resolved(opened_registry(web.url), "a/b:v")


def test_a_manifest_whose_parts_are_missing(web: Any, opened_registry: OpenDocker) -> None:
    """The image is there, so it would be wrong to say that it was not found, and to look on."""
    entry = {**descriptor(kind=MANIFEST), "platform": AMD64}
    missing = f"/v2/a/b/manifests/{entry['digest']}", f"/v2/a/b/blobs/{digest_of(b'{}')}"
    for document, kind, path in (
        ({"schemaVersion": 2, "manifests": [entry]}, INDEX, missing[0]),
        (image(), MANIFEST, missing[1]),
    ):
        web[PATH] = sent(document, kind)
        web[path] = 404, {}, {"errors": [{"code": "BLOB_UNKNOWN", "message": "gone"}]}
        with pytest.raises(
            InvalidContentError, match="there, but not all of it: .*: gone"
        ) as found:
            resolved(opened_registry(web.url), "a/b:v")
        assert digest_of(b"{}") in found.value.message


def test_a_manifest_that_does_not_end(web: Any, opened_registry: OpenDocker) -> None:
    web[PATH] = sent(b" " * ((4 << 20) + 1))
    with pytest.raises(UnusableReplyError, match="longer than 4194304 bytes"):
        resolved(opened_registry(web.url), "a/b:v")


REFUSALS = [
    ((403, {}, {"errors": [{"code": "DENIED", "message": "no"}]}), UnauthorizedError, "no (HTTP"),
    ((500, {}, b"oops"), RegistryError, "cannot be read: HTTP status 500"),
    (
        (418, {}, {"errors": [{"code": "TEAPOT\x1b", "message": "I am\none"}]}),
        RegistryError,
        "I am",
    ),
    ((429, {"Retry-After": "600"}, b""), TooManyRequestsError, "try again in 600 seconds"),
    (
        (404, {}, {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "gone"}]}),
        NotInRegistryError,
        "a/b:v was not found: gone",
    ),
]


@pytest.mark.parametrize(("answer", "error", "reason"), REFUSALS)
def test_answers_that_are_no_manifest(
    web: Any, opened_registry: OpenDocker, answer: Any, error: type[SourceError], reason: str
) -> None:
    web[PATH] = answer
    with pytest.raises(error) as caught:
        resolved(opened_registry(web.url), "a/b:v")
    assert reason in caught.value.message
    assert caught.value.message.isprintable()
    assert re.fullmatch("[A-Za-z_]+", caught.value.code or "")


@pytest.mark.parametrize("status", [200, 404])
def test_a_server_that_is_no_registry(web: Any, opened_registry: OpenDocker, status: int) -> None:
    """Such as a portal that wants one to log in before anything else."""
    web["*"] = (status, {"Content-Type": "text/html"}, b"<html>what?</html>")
    wanted = f"this is no Docker registry: .* HTTP status {status}, text/html"
    with pytest.raises(InvalidContentError, match=wanted):
        resolved(opened_registry(web.url), "a/b:v")


def schema1(layers: list[str], config: str = "{}", **changes: Any) -> dict[str, Any]:
    return {
        "schemaVersion": 1,
        "name": "a/b",
        "tag": "v",
        "architecture": "amd64",
        "fsLayers": [{"blobSum": digest} for digest in layers],
        "history": [
            {"v1Compatibility": config},
            *([{"v1Compatibility": "{}"}] * (len(layers) - 1)),
        ],
        **changes,
    }


def test_schema_1_unsigned(web: Any, opened_registry: OpenDocker) -> None:
    """Newest first; equal ones next to each other are one; layers without files stay."""
    config = '{"os": "linux", "architecture": "amd64", "config": {"Cmd": ["sh"]}}'
    document = schema1([EMPTY, TWO, TWO, EMPTY, ONE], config)
    web[PATH] = sent(document, DOCKER + "distribution.manifest.v1+json")
    found = resolved(opened_registry(web.url), "a/b:v")
    assert [layer.digest for layer in found.layers] == [ONE, EMPTY, TWO, EMPTY]
    assert found.config["config"] == {"Cmd": ["sh"]}
    assert found.digest == digest_of(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (schema1([]), "no layers in manifest"),
        (schema1([ONE], history=[]), "history length not equal to layers length in manifest"),
        (schema1(["x"]), "digests should be of the form"),
        (schema1([ONE], config="{"), "v1Compatibility is not JSON"),
        (schema1([ONE], config="5"), "v1Compatibility is no JSON object"),
        (schema1([ONE], history=[{}]), 'history has no "v1Compatibility"'),
        (schema1([ONE], signatures=[]), "1 to 16 signatures were expected"),
        (schema1([ONE], signatures=[{"header": {"alg": "none"}}]), "disallowed JWS signature alg"),
        (schema1([ONE], signatures=[{"header": {"alg": "ES256"}}]), "is not in base64"),
        (schema1([f"sha256:{number:064x}" for number in range(300)]), "it has 300 layers"),
    ],
)  # fmt: skip
def test_schema_1_that_makes_no_sense(
    web: Any, opened_registry: OpenDocker, document: Any, reason: str
) -> None:
    web[PATH] = sent(document, DOCKER + "distribution.manifest.v1+prettyjws")
    with pytest.raises((InvalidContentError, InvalidDockerInfoError)) as caught:
        resolved(opened_registry(web.url), "a/b:v")
    assert reason in caught.value.message


@pytest.mark.parametrize("length", [0, -1, 10**9, True, "1", None])
def test_lengths_of_the_signed_part(length: Any) -> None:
    protected = json.dumps({"formatLength": length, "formatTail": "Cn0"}).encode()
    signature = {
        "header": {"alg": "ES256"},
        "protected": base64.urlsafe_b64encode(protected).decode(),
    }
    document = schema1([ONE], signatures=[signature])
    with pytest.raises(ManifestError, match="JWS signature 0 has the formatLength"):
        read_schema1(document, json.dumps(document).encode())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from([ONE, LAYER]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["mediaType", "digest", "size", "platform"]), inner)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(
            ["schemaVersion", "mediaType", "config", "layers", "manifests", "signatures"]
            + ["fsLayers", "history"]
        ),
        VALUES | st.sampled_from([1, 2, [descriptor()], descriptor(kind=CONFIG), INDEX, MANIFEST]),
    ),
    st.sampled_from(["", MANIFEST, INDEX]),
)
def test_nonsense_is_refused_and_nothing_else(value: dict[str, Any], kind: str) -> None:
    body = json.dumps(value).encode()
    with contextlib.suppress(ManifestError):
        document = parse_document(body, kind)
        if is_schema1(document):
            read_schema1(document, body)
        else:
            read_manifest(document, kind)
