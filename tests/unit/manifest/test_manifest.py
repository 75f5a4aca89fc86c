"""Parsing, upgrading and viewing manifests, and the limits they set on the platform."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm import manifest as manifest_package
from imgadm.base.errors import ImgadmError, InvalidUUIDError
from imgadm.base.patterns import check_uuid, is_uuid
from imgadm.manifest import ImageFile, Manifest, check_platform, parse_manifest, upgrade_manifest
from imgadm.manifest.errors import InvalidManifestError, PlatformError

UUID = "3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0001"
ORIGIN = "3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0002"
SHA1 = "074a47662875d3313f965efbe7a57b2d998995fd"
MINIMAL: dict[str, Any] = {
    "v": 2,
    "uuid": UUID,
    "name": "foo",
    "version": "1.2.3",
    "type": "zvol",
    "os": "linux",
}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON: expecting value at line 1, column 1"),
        (b"not json", "not JSON: expecting value at line 1, column 1"),
        (b'{"a": 1,\n}', "not JSON: "),
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b"\x00", "not JSON: "),
        (b"null", "a JSON object was expected, got null"),
        (b"[]", "a JSON object was expected, got an array"),
        (b'"x"', "a JSON object was expected, got a string"),
        (b"5", "a JSON object was expected, got a number"),
        (b"true", "a JSON object was expected, got a boolean"),
        (b'{"v": NaN}', "not JSON: NaN is no JSON value"),
        (b'{"v": -Infinity}', "not JSON: -Infinity is no JSON value"),
        (b'{"v": 1e400}', "a number is out of range"),
        (b'{"v": 1' + b"0" * 400 + b"}", "a number is out of range"),
        (b'{"v": 1' + b"0" * 10_000 + b"}", "a number is out of range"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "nested deeper than 100 levels"),
        (b'{"a":' + b"[" * 200_000, "nested deeper than 100 levels"),
        (b"[" * 900 + b"]" * 900, "nested deeper than 100 levels"),
        (b" " * (4 << 20) + b"{}", "4194306 bytes is too big, at most 4194304 are accepted"),
    ],
)
def test_bytes_that_are_no_manifest(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidManifestError, match="manifest is invalid: ") as caught:
        parse_manifest(data)
    assert reason in str(caught.value)
    assert caught.value.code == "InvalidManifest"


def test_parsing_keeps_unknown_fields_and_order() -> None:
    text = b'\xef\xbb\xbf{"zebra": [1, {"b": null}], "v": 2, "ape": "\xc3\xa9"}'
    assert list(parse_manifest(text).items()) == [
        ("zebra", [1, {"b": None}]),
        ("v", 2),
        ("ape", "é"),
    ]


def test_lone_surrogates_become_encodable_and_pairs_stay() -> None:
    assert parse_manifest(rb'{"a": "\ud83d\ude00", "b": "x\ud800y"}') == {
        "a": "\U0001f600",
        "b": "x\ufffdy",
    }


@settings(deadline=None)
@given(st.binary(max_size=64) | st.text(alphabet='[]{}":,1eNaIn\\ud8 ', max_size=64))
def test_parsing_never_crashes(data: bytes | str) -> None:
    try:
        manifest = parse_manifest(data if isinstance(data, bytes) else data.encode())
    except InvalidManifestError:
        return
    json.dumps(manifest, ensure_ascii=False, allow_nan=False).encode()


V1 = {
    "uuid": UUID,
    "urn": "sdc:sdc:odd-snap:1.2.3",
    "name": "odd-snap",
    "version": "1.2.3",
    "type": "zvol",
    "os": "other",
    "published_at": "2020-02-02T02:02Z",
    "created_at": "2019-01-01T00:00:00Z",
    "updated_at": "2019-01-01T00:00:00Z",
    "creator_uuid": ORIGIN,
    "vendor_uuid": ORIGIN,
    "owner_uuid": ORIGIN,
    "creator_name": "sdc",
    "creator_admin": True,
    "cloud_name": "sdc",
    "platform_type": "smartos",
    "_url": "https://example.com",
    "image_size": "10240",
    "custom": {"kept": True},
    "files": [{"path": "x.zfs.gz", "sha1": SHA1, "size": 5, "url": "https://example.com/x"}],
}


def test_upgrade_from_version_1() -> None:
    old = json.loads(json.dumps(V1))
    assert upgrade_manifest(V1) == {
        "uuid": UUID,
        "urn": "sdc:sdc:odd-snap:1.2.3",
        "name": "odd-snap",
        "version": "1.2.3",
        "type": "zvol",
        "os": "other",
        "published_at": "2020-02-02T02:02:00Z",
        "image_size": 10240,
        "custom": {"kept": True},
        "files": [{"sha1": SHA1, "size": 5, "compression": "gzip"}],
        "v": 2,
        "owner": ORIGIN,
        "public": True,
        "disabled": False,
        "state": "active",
    }
    assert old == V1


@pytest.mark.parametrize(
    ("fields", "upgraded"),
    [
        ({"restricted_to_uuid": ORIGIN}, {"public": False, "acl": [ORIGIN]}),
        ({"restricted_to_uuid": ""}, {"public": True}),
        ({"disabled": True}, {"disabled": True, "state": "disabled"}),
        ({"disabled": "false"}, {"disabled": False, "state": "active"}),
        ({"disabled": 1}, {"disabled": True, "state": "disabled"}),
        ({"published_at": None}, {"published_at": "2019-01-01T00:00:00Z"}),
        ({"published_at": "2020-02-02T02:02:02Z"}, {"published_at": "2020-02-02T02:02:02Z"}),
        ({"image_size": "big"}, {"image_size": "big"}),
        ({"files": "x"}, {"files": "x"}),
        ({"files": [None]}, {"files": [None]}),
        ({"files": [{"path": "x.bz2"}]}, {"files": [{"compression": "bzip2"}]}),
        ({"files": [{"url": "http://h.gz/x.gz"}]}, {"files": [{"compression": "gzip"}]}),
        ({"files": [{"url": "http://h.gz/x"}]}, {"files": [{"compression": "none"}]}),
        ({"files": [{"path": 5}]}, {"files": [{"compression": "none"}]}),
        (
            {"files": [{"path": "x.gz", "compression": "xz"}]},
            {"files": [{"compression": "xz"}]},
        ),
    ],
)
def test_upgrade_of_single_fields(fields: dict[str, Any], upgraded: dict[str, Any]) -> None:
    new = upgrade_manifest(V1 | fields)
    assert {name: new[name] for name in upgraded} == upgraded
    assert "restricted_to_uuid" not in new


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        ({}, 'manifest does not have a "v" field'),
        ({"v": 1}, '"v" is 1, 2 was expected'),
        ({"v": "new"}, '"v" is new, 2 was expected'),
        (V1 | {"uuid": "x"}, 'uuid is required: "x"'),
        (V1 | {"owner": ORIGIN}, 'both "owner" and "creator_uuid" are given'),
        (V1 | {"public": True}, '"public" is given in a version 1 manifest'),
    ],
)
def test_manifests_that_cannot_be_upgraded(manifest: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidManifestError) as caught:
        upgrade_manifest(manifest)
    assert str(caught.value) == f"manifest is invalid: {reason}"


@pytest.mark.parametrize("version", [2, 2.0, "2", 77])
def test_current_and_newer_manifests_stay(version: Any) -> None:
    manifest = {"v": version, "creator_uuid": 1}
    assert upgrade_manifest(manifest) == manifest


def test_view() -> None:
    raw = MINIMAL | {
        "state": "active",
        "origin": ORIGIN,
        "later": [1],
        "files": [{"sha1": SHA1.upper(), "size": 5.0, "compression": "xz", "dataset_guid": 7}],
    }
    manifest = Manifest.of(raw)
    assert manifest == Manifest(
        uuid=UUID,
        name="foo",
        version="1.2.3",
        state="active",
        type="zvol",
        os="linux",
        origin=ORIGIN,
        file=ImageFile(SHA1, 5, "xz", "7"),
        raw=raw,
    )
    assert list(manifest.raw) == list(raw)
    assert Manifest.of(V1).raw["v"] == 2
    assert Manifest.of(MINIMAL).file is None
    assert Manifest.of(MINIMAL | {"version": 1.1}).version == "1.1"


@pytest.mark.parametrize(
    "fields",
    [
        {"uuid": "../../../etc"},
        {"uuid": UUID + "\n"},
        {"uuid": UUID + "/.."},
        {"origin": "../x"},
        {"origin": {}},
        {"name": "a\x1b[31m"},
        {"name": "a\nb"},
        {"name": None},
        {"version": "1" * 513},
        {"type": ["zvol"]},
        {"os": "\x07"},
        {"state": 1},
        {"files": "x"},
        {"files": [5]},
        {"files": [{}]},
        {"files": [{"compression": "lzma"}]},
        {"files": [{"compression": "gzip", "sha1": "g" * 40}]},
        {"files": [{"compression": "gzip", "sha1": [1]}]},
        {"files": [{"compression": "gzip", "size": -1}]},
        {"files": [{"compression": "gzip", "size": 1e300}]},
        {"files": [{"compression": "gzip", "size": True}]},
        {"files": [{"compression": "gzip", "dataset_guid": "1; rm"}]},
    ],
)
def test_hostile_manifests_have_no_view(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidManifestError) as caught:
        Manifest.of(MINIMAL | fields)
    assert str(caught.value).isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)
FIELDS = ["v", "creator_uuid", "uuid", "files", "disabled", "published_at", "created_at", "origin"]


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from([*FIELDS, "name", "image_size", "restricted_to_uuid"]), JSON)
)
def test_views_and_upgrades_never_crash(fields: dict[str, Any]) -> None:
    for manifest in (fields, MINIMAL | fields, V1 | fields):
        with suppress(InvalidManifestError):
            view = Manifest.of(manifest)
            assert is_uuid(view.uuid)
            assert view.name.isprintable()


@pytest.mark.parametrize("value", [None, 5, "", "nope", UUID.upper(), UUID + "\n", f" {UUID}"])
def test_not_uuids(value: Any) -> None:
    assert not is_uuid(value)
    with pytest.raises(InvalidUUIDError, match=r'invalid uuid: "'):
        check_uuid(value)


def test_uuid() -> None:
    assert check_uuid(UUID) == UUID


STAMP = "20260312T000148Z"
OLD, NEW = "20130101T000000Z", "20990101T000000Z"


@pytest.mark.parametrize(
    ("limits", "release", "code"),
    [
        (None, "7.0", None),
        ({}, "7.0", None),
        ({"min_platform": {"7.0": OLD}, "max_platform": {"7.0": NEW}}, "7.0", None),
        ({"min_platform": {"7.0": STAMP}, "max_platform": {"7.0": STAMP}}, "7.0", None),
        ({"min_platform": {"7.0": NEW}}, "7.0", "MinPlatform"),
        ({"max_platform": {"7.0": OLD}}, "7.0", "MaxPlatform"),
        ({"min_platform": {"7.0": NEW}}, None, "MinPlatform"),
        ({"min_platform": {"6.5": OLD}}, None, None),
        ({"min_platform": {"7.0": NEW}}, "8.0", None),
        ({"min_platform": {"7.0": OLD, "8.0": OLD}}, "6.5", "MinPlatform"),
        ({"max_platform": {"6.5": NEW, "7.0": NEW}}, "8.0", "MaxPlatform"),
        ({"min_platform": {"7.0": OLD}}, "10.0", None),
        ({"max_platform": {"7.0": OLD}}, "10.0", "MaxPlatform"),
        ({"min_platform": {"x" * 5000: OLD, "9" * 5000: OLD}}, "7.0", None),
    ],
)
def test_platform(limits: Any, release: str | None, code: str | None) -> None:
    if code is None:
        check_platform(limits, release, STAMP)
        return
    with pytest.raises(PlatformError) as caught:
        check_platform(limits, release, STAMP)
    assert caught.value.code == code


def test_platform_error_text() -> None:
    with pytest.raises(PlatformError) as caught:
        check_platform({"min_platform": {"7.0": NEW}}, "7.0", STAMP)
    assert str(caught.value) == (
        "current platform version, 7.0/20260312T000148Z, does not satisfy "
        'requirements.min_platform={"7.0":"20990101T000000Z"}'
    )


@pytest.mark.parametrize("limits", ["x", [1], {"7.0": 5}, {"7.0": None}])
def test_broken_platform_limits_are_refused(limits: Any) -> None:
    with pytest.raises(ImgadmError, match=r"requirements.max_platform must map releases"):
        check_platform({"max_platform": limits}, "7.0", STAMP)


def test_all_that_the_package_promises_is_there() -> None:
    promised = {name: getattr(manifest_package, name) for name in manifest_package.__all__}
    assert promised["Manifest"] is Manifest
    assert promised.keys() <= vars(manifest_package).keys()
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = manifest_package.nothing
