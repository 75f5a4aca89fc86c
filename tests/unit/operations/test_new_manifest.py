"""Fields of a new image: as they are typed, inherited, and asked for by the machine."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from imgadm.base.errors import FileSystemError, UsageError
from imgadm.operations.manifest_fields import parse_fields, read_fields
from imgadm.operations.new_manifest import new_manifest

UUID = "cccccccc-1111-4222-8333-444444444444"
ORIGIN = {"uuid": "aaaaaaaa-1111-4222-8333-444444444444", "type": "zvol", "os": "linux"}


@pytest.mark.parametrize(
    ("word", "field", "value"),
    [
        ("version=1.10", "version", "1.10"),
        ("version=1e3", "version", "1e3"),
        ('version="1.10"', "version", "1.10"),
        ("name=true", "name", "true"),
        ("description=null", "description", "null"),
        ('description={"a":1}', "description", '{"a":1}'),
        ("name=", "name", ""),
        ("homepage=http://x?a=b", "homepage", "http://x?a=b"),
        ("disabled=true", "disabled", True),
        ("image_size=10240", "image_size", 10240),
        ("image_size=007", "image_size", "007"),
        ('tags={"a": [1]}', "tags", {"a": [1]}),
        ("tags={a", "tags", "{a"),
        ("tags.a=1", "tags.a", 1),
        ("public=NaN", "public", "NaN"),
    ],
)
def test_a_field(word: str, field: str, value: Any) -> None:
    assert parse_fields(["x=1", word]) == {"x": 1, field: value}


def test_the_last_word_wins() -> None:
    assert parse_fields(["name=a", "name=b"]) == {"name": "b"}


@pytest.mark.parametrize("word", ["name", "", "=x"])
def test_what_is_no_field(word: str) -> None:
    with pytest.raises(UsageError, match=r'must match "<field>=<value>"'):
        parse_fields([word])


def test_fields_of_a_file_and_of_the_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m").write_text('{"name": "x", "version": 1.1}')
    assert read_fields(str(tmp_path / "m")) == {"name": "x", "version": 1.1}
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b'{"a": []}')))
    assert read_fields("-") == {"a": []}


@pytest.mark.parametrize(
    ("content", "reason"), [(b"[]", "a JSON object was expected"), (b"\xff", "not UTF-8 at byte 0")]
)
def test_a_file_that_has_no_fields(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "m"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=f'invalid manifest JSON in "{path}": {reason}'):
        read_fields(str(path))
    with pytest.raises(FileSystemError) as caught:
        read_fields(str(tmp_path / "none"))
    assert caught.value.code == "ENOENT"


def made(given: dict[str, Any], **more: Any) -> dict[str, Any]:
    manifest = new_manifest({"name": "n", **given}, make_uuid=lambda: UUID, **more)
    assert list(manifest)[:3] == ["v", "uuid", "name"]
    return {key: value for key, value in manifest.items() if key not in ("v", "uuid", "name")}


def test_identity_is_made_unless_it_is_given() -> None:
    assert new_manifest({}, make_uuid=lambda: UUID) == {"v": 2, "uuid": UUID}
    assert new_manifest({"uuid": ORIGIN["uuid"]})["uuid"] == ORIGIN["uuid"]


@pytest.mark.parametrize(
    ("given", "origin", "requirements", "result"),
    [
        ({}, {}, {}, {"type": "zvol", "os": "linux"}),
        ({"os": "bsd"}, {}, {}, {"os": "bsd", "type": "zvol"}),
        ({}, {"users": [], "traits": {}, "description": "d", "tags": {"a": 1}}, {}, {"traits": {}}),
        (
            {},
            {"requirements": {"ssh_key": True, "brand": "kvm"}},
            {"brand": "bhyve", "bootrom": "uefi"},
            {"requirements": {"ssh_key": True, "brand": "bhyve", "bootrom": "uefi"}},
        ),
        (
            {"requirements": {"brand": ""}},
            {"requirements": {"ssh_key": True}},
            {"brand": "bhyve", "bootrom": "bios"},
            {"requirements": {"brand": "", "bootrom": "bios"}},
        ),
        ({}, {}, {"min_platform": {"7.0": "2"}}, {"requirements": {"min_platform": {"7.0": "2"}}}),
        (
            {"requirements": {"min_platform": {"7.0": "1"}}},
            {},
            {"min_platform": {"7.0": "2"}},
            {"requirements": {"min_platform": {"7.0": "1"}}},
        ),
        (
            {"requirements": {"min_platform": {}}},
            {},
            {"min_platform": {"7.0": "2"}},
            {"requirements": {}},
        ),
        ({"requirements": "none"}, {}, {"brand": "lx"}, {"requirements": "none"}),
    ],
)
def test_what_a_machine_and_its_image_add(
    given: dict[str, Any],
    origin: dict[str, Any],
    requirements: dict[str, Any],
    result: dict[str, Any],
) -> None:
    manifest = made(given, origin={**ORIGIN, **origin}, requirements=requirements)
    assert {"type": "zvol", "os": "linux", **result} == manifest


def test_only_an_incremental_image_names_its_origin() -> None:
    assert made({}, origin=ORIGIN, incremental=True)["origin"] == ORIGIN["uuid"]
    assert "origin" not in made({}, origin=ORIGIN)
    assert made({"origin": "given"}, origin=ORIGIN)["origin"] == "given"


def test_defaults_come_last() -> None:
    assert made({}, defaults={"type": "other"}) == {"type": "other"}
    assert made({}, origin=ORIGIN, defaults={"type": "other"})["type"] == "zvol"


def test_the_record_of_the_origin_is_left_alone() -> None:
    origin = {**ORIGIN, "requirements": {"ssh_key": True}}
    made({}, origin=origin, requirements={"brand": "lx"})
    assert origin["requirements"] == {"ssh_key": True}
