"""Names of images: what they mean, and what is none."""

from __future__ import annotations

import pytest

from imgadm.base.errors import ConfigError
from imgadm.registry import RegistryName, parse_reference, parse_registry_name
from imgadm.registry.errors import InvalidDockerRepoError

DIGEST = "sha256:" + "a" * 64
LONG_DIGEST = "sha512:" + "b" * 128


@pytest.mark.parametrize(
    ("text", "remote", "local", "canonical", "tag"),
    [
        ("busybox", "library/busybox", "busybox", "docker.io/busybox", "latest"),
        ("docker.io/library/nginx", "library/nginx", "nginx", "docker.io/nginx", "latest"),
        ("index.docker.io/nginx:1", "library/nginx", "nginx", "docker.io/nginx", "1"),
        ("google/python:3", "google/python", "google/python", "docker.io/google/python", "3"),
        ("a/img", "a/img", "a/img", "docker.io/a/img", "latest"),
        (
            "localhost:5000/blarg",
            "blarg",
            "localhost:5000/blarg",
            "localhost:5000/blarg",
            "latest",
        ),
        ("localhost/x", "x", "localhost/x", "localhost/x", "latest"),
        ("quay.io/a1/b2/c3", "a1/b2/c3", "quay.io/a1/b2/c3", "quay.io/a1/b2/c3", "latest"),
        ("QUAY.io/a1/b2:V1", "a1/b2", "quay.io/a1/b2", "quay.io/a1/b2", "V1"),
        ("[::1]:5000/a/b:c", "a/b", "[::1]:5000/a/b", "[::1]:5000/a/b", "c"),
        ("https://reg.example:443/x", "x", "reg.example/x", "reg.example/x", "latest"),
        ("a__b/c-d.e--f:_x", "a__b/c-d.e--f", "a__b/c-d.e--f", "docker.io/a__b/c-d.e--f", "_x"),
        ("localhost:5000", "library/localhost", "localhost", "docker.io/localhost", "5000"),
    ],
)
def test_names(text: str, remote: str, local: str, canonical: str, tag: str) -> None:
    reference = parse_reference(text)
    got = (reference.remote_name, reference.local_name, reference.canonical_name, reference.tag)
    assert got == (remote, local, canonical, tag)
    assert reference.digest is None
    assert parse_reference(str(reference)) == parse_reference(f"{local}:{tag}")


@pytest.mark.parametrize("digest", [DIGEST, LONG_DIGEST])
def test_a_digest_decides_and_a_tag_informs(digest: str) -> None:
    alone = parse_reference(f"quay.io/a/b@{digest}")
    assert (alone.tag, alone.digest, alone.version) == (None, digest, digest)
    both = parse_reference(f"quay.io/a/b:v1@{digest}")
    assert (both.tag, both.digest, both.version) == ("v1", digest, digest)
    assert str(both) == f"quay.io/a/b:v1@{digest}"


@pytest.mark.parametrize(
    ("default", "index", "scheme", "remote"),
    [
        ("docker.io", "docker.io", None, "library/app"),
        ("https://docker.io", "docker.io", None, "library/app"),
        ("http://127.0.0.1:5000", "127.0.0.1:5000", "http", "app"),
        ("https://user:secret@registry.example", "registry.example", "https", "app"),
        ("Registry.Example:5000/", "registry.example:5000", None, "app"),
    ],
)
def test_names_without_a_registry(default: str, index: str, scheme: str, remote: str) -> None:
    reference = parse_reference("app", default_registry=default)
    assert (reference.registry, reference.scheme, reference.remote_name) == (index, scheme, remote)
    elsewhere = parse_reference("quay.io/x/y", default_registry=default)
    assert (elsewhere.registry, elsewhere.scheme) == ("quay.io", None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no repository"),
        ("Busybox", "only lower-case names are"),
        ("a//b", "is no repository"),
        ("-a/b", "is no repository"),
        ("a/b-", "is no repository"),
        ("a/b:", '"" is no tag'),
        ("a/b:.x", '".x" is no tag'),
        ("a/b:" + "x" * 129, "is no tag"),
        ("a/b@sha256:abc", "is no digest"),
        ("a/b@md5:" + "a" * 32, "is no digest"),
        ("a/b@sha256:" + "A" * 64, "is no digest"),
        ("ftp://quay.io/a", 'scheme must be "http" or "https"'),
        ("docker://quay.io/a", 'scheme must be "http" or "https"'),
        ("https://a/b", "a registry was expected after the scheme"),
        ("http://docker.io/a", "HTTP to official index is disallowed"),
        ("quay.io:99999/a", "port"),
        ("quay..io@x/a", "is no digest"),
        ("user:pw@quay.io/a", "is no digest"),
        ("quay.io/", "is no repository"),
        ("quay.io/../etc", "is no repository"),
        ("a b", "is no repository"),
        ("b\u00fcsybox", "characters that no name"),
        ("a\nb", "characters that no name"),
        pytest.param("a/" * 130 + "b", "longer than 255", id="long"),
        pytest.param("a" * 2000, "characters that no name", id="very long"),
    ],
)
def test_what_names_no_image(text: str, reason: str) -> None:
    with pytest.raises(InvalidDockerRepoError) as caught:
        parse_reference(text)
    assert reason in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("url", "registry"),
    [
        ("https://index.docker.io/v1/", RegistryName("docker.io")),
        ("docker.io/", RegistryName("docker.io")),
        ("http://host:5000", RegistryName("host:5000", "http")),
        ("https://quay.io", RegistryName("quay.io", "https")),
        ("[::1]:5000", RegistryName("[::1]:5000")),
    ],
)
def test_registry_names(url: str, registry: RegistryName) -> None:
    assert parse_registry_name(url) == registry


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://docker.io", "HTTP to official index is disallowed"),
        ("foo", "does not look like a valid host"),
        ("docker.io/foo", "trailing repo"),
        ("ftp://quay.io", "invalid index scheme"),
        ("https://", "empty host"),
        ("quay.io:0x5", "no host with an optional port"),
    ],
)
def test_what_is_no_index(url: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse_registry_name(url)
