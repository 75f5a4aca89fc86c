"""Whose credentials are for which registry, and programs that keep them."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from imgadm.base.errors import ConfigError
from imgadm.registry import parse_registry_name
from imgadm.registry.access.credential_files import CredentialFiles
from imgadm.registry.access.credentials import Credentials


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def find(directory: Path, content: Any, registry: str, repository: str = "a/b") -> Any:
    text = content if isinstance(content, str) else json.dumps(content)
    (directory / "config.json").write_text(text)
    files = CredentialFiles({"DOCKER_CONFIG": str(directory), "HOME": str(directory)})
    return files.find(parse_registry_name(registry), repository)


ANN = Credentials("ann", "pw")


@pytest.mark.parametrize(
    ("key", "registry", "repository", "fits"),
    [
        ("quay.io", "quay.io", "a/b", True),
        ("https://quay.io", "quay.io", "a/b", True),
        ("https://quay.io/v2/", "quay.io", "a/b", True),
        ("http://quay.io/v1", "quay.io", "a/b", True),
        ("Quay.IO", "quay.io", "a/b", True),
        ("quay.io", "quay.io:5000", "a/b", False),
        ("quay.io:5000", "quay.io", "a/b", False),
        ("notquay.io", "quay.io", "a/b", False),
        ("quay.io.evil.example", "quay.io", "a/b", False),
        ("localhost:5000", "http://localhost:5000", "a/b", True),
        ("https://index.docker.io/v1/", "docker.io", "library/a", True),
        ("docker.io", "https://docker.io", "library/a", True),
        ("registry-1.docker.io", "docker.io", "library/a", True),
        ("quay.io/a", "quay.io", "a/b", True),
        ("quay.io/a/b", "quay.io", "a/b", True),
        ("quay.io/a/b", "quay.io", "a/bc", False),
        ("quay.io/b", "quay.io", "a/b", False),
        ("[::1]:5000", "[::1]:5000", "a/b", True),
    ],
)
def test_which_registry_a_key_names(
    tmp_path: Path, key: str, registry: str, repository: str, fits: bool
) -> None:
    content = {"auths": {key: {"auth": encoded("ann:pw")}}}
    assert find(tmp_path, content, registry, repository) == (ANN if fits else None)


@pytest.mark.parametrize(
    ("entry", "credentials"),
    [
        ({"auth": encoded("ann:p:w")}, Credentials("ann", "p:w")),
        ({"username": "ann", "password": "pw"}, ANN),
        ({"auth": encoded("<token>:"), "identitytoken": "t"}, Credentials("<token>", "", "t")),
        ({"registrytoken": "r"}, Credentials(registry_token="r")),
        ({"auth": ""}, None),
        ({}, None),
        ("nonsense", None),
    ],
)
def test_entries(tmp_path: Path, entry: Any, credentials: Credentials | None) -> None:
    assert find(tmp_path, {"auths": {"quay.io": entry}}, "quay.io") == credentials


def test_the_longest_name_counts(tmp_path: Path) -> None:
    auths = {key: {"auth": encoded(f"{key}:pw")} for key in ("quay.io", "quay.io/a", "quay.io/a/b")}
    for repository, user in {"a/b": "quay.io/a/b", "a/c": "quay.io/a", "c": "quay.io"}.items():
        found = find(tmp_path, {"auths": auths}, "quay.io", repository)
        assert found.username == user


def test_files_in_their_order(tmp_path: Path) -> None:
    def write(path: Path, user: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"auths": {"quay.io": {"auth": encoded(f"{user}:pw")}}}))

    home = tmp_path / "home"
    environment = {"HOME": str(home)}

    def user() -> str | None:
        found = CredentialFiles(environment).find(parse_registry_name("quay.io"), "a/b")
        return found and found.username

    assert user() is None
    write(home / ".config/containers/auth.json", "podman")
    assert user() == "podman"
    environment["XDG_RUNTIME_DIR"] = str(tmp_path / "run")
    write(tmp_path / "run/containers/auth.json", "session")
    assert user() == "session"
    write(home / ".docker/config.json", "docker")
    assert user() == "docker"
    environment["DOCKER_CONFIG"] = str(tmp_path / "other")
    assert user() == "session"
    environment["REGISTRY_AUTH_FILE"] = str(tmp_path / "mine")
    write(tmp_path / "mine", "mine")
    assert user() == "mine"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not valid JSON"),
        ("[]", "is not a JSON object"),
        ('{"auths": {"quay.io": {"auth": "c2VjcmV0"}}}', "not USER:PASSWORD in base64"),
        ('{"auths": {"quay.io": {"auth": "secret!"}}}', "not USER:PASSWORD in base64"),
        pytest.param(" " * (5 << 20), "is longer than", id="long"),
    ],
)
def test_files_that_make_no_sense(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        find(tmp_path, content, "quay.io")
    assert "secret" not in caught.value.message


def test_nothing_is_shown() -> None:
    everything = Credentials("ann", "one", "two", "three")
    assert repr(everything) == "Credentials(username='ann')"


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Install a credential helper that does what a test says, in the shell's words."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def install(script: str, name: str = "test") -> None:
        program = tmp_path / f"docker-credential-{name}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    return install


ANSWER = """read -r asked; [ "$1" = get ] || exit 9
printf '{"ServerURL": "%s", "Username": "ann", "Secret": "pw-for-%s"}' "$asked" "$asked" """


@pytest.mark.parametrize("section", [{"credHelpers": {"quay.io": "test"}}, {"credsStore": "test"}])
def test_a_helper(tmp_path: Path, helper: Any, section: dict[str, Any]) -> None:
    helper(ANSWER)
    assert find(tmp_path, section, "quay.io") == Credentials("ann", "pw-for-quay.io")


def test_docker_hub_has_an_old_name(tmp_path: Path, helper: Any) -> None:
    helper(ANSWER)
    found = find(tmp_path, {"credsStore": "test"}, "docker.io")
    assert found == Credentials("ann", "pw-for-https://index.docker.io/v1/")


def test_a_helper_of_one_registry_before_that_of_all(tmp_path: Path, helper: Any) -> None:
    helper("exit 1", "broken")
    helper(ANSWER)
    content = {"credsStore": "broken", "credHelpers": {"quay.io": "test"}}
    assert find(tmp_path, content, "quay.io").username == "ann"


def test_an_identity_token_of_a_helper(tmp_path: Path, helper: Any) -> None:
    helper("""echo '{"ServerURL": "x", "Username": "<token>", "Secret": "t"}'""")
    assert find(tmp_path, {"credsStore": "test"}, "quay.io") == Credentials(identity_token="t")


def test_a_helper_that_has_nothing(tmp_path: Path, helper: Any) -> None:
    helper('echo "credentials not found in native keychain"; exit 1')
    assert find(tmp_path, {"credsStore": "test"}, "quay.io") is None
    content = {"credsStore": "test", "auths": {"quay.io": {"auth": encoded("ann:pw")}}}
    assert find(tmp_path, content, "quay.io") == ANN


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo s3cret; exit 1", 'failed for quay.io: it ended with status 1'),
        ("kill -9 $$", "it ended with status -9"),
        ("echo s3cret", "it does not answer in JSON"),
        ("echo '[\"s3cret\"]'", 'its answer has no "Username" and "Secret"'),
        ("echo '{\"Username\": 5, \"Secret\": \"s3cret\"}'", 'no "Username" and "Secret"'),
        ("exec yes s3cret", "printed more than 1048576 bytes"),
        ("sleep 60", "has not ended after 0.3 seconds"),
    ],
)  # fmt: skip
def test_a_helper_that_fails(
    tmp_path: Path, helper: Any, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    monkeypatch.setenv("IMGADM_PATIENCE", "0.3" if "sleep" in script else "60")
    helper(script)
    with pytest.raises(ConfigError) as caught:
        find(tmp_path, {"credsStore": "test"}, "quay.io")
    assert reason in caught.value.message
    assert "s3cret" not in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("name", ["not-here-at-all", "../../bin/sh", "a b"])
def test_a_helper_that_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="credential helper"):
        find(tmp_path, {"credsStore": name}, "quay.io")
