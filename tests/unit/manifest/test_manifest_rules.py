"""Every rule of the manifest format, its code and its text."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgadm.manifest import check_manifest, find_violations
from imgadm.manifest.errors import ManifestValidationError
from imgadm.manifest.rules.fields import RULES

UUID = "3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0001"
MINIMAL = {
    "v": 2,
    "uuid": UUID,
    "name": "foo",
    "version": "1.2.3",
    "type": "zone-dataset",
    "os": "smartos",
}
SERVER = MINIMAL | {
    "owner": UUID,
    "disabled": False,
    "activated": False,
    "state": "unactivated",
    "public": True,
}
ZVOL = MINIMAL | {"type": "zvol", "os": "linux"}
FILE = {"sha1": "0" * 40, "size": 1, "compression": "gzip"}
DEEP = {"min_platform": {"7.0": "20130101T000000Z", "6.5": "20130101T000000Z"}}
BHYVE = {"brand": "bhyve"}


def broken(manifest: dict[str, Any], rules: str = "minimal", **options: Any) -> list[tuple]:
    before = deepcopy(manifest)
    found = find_violations(manifest, rules, **options)
    assert manifest == before
    return [(item.field, item.code, item.message) for item in found]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"urn": "booga:booga"},
        {"tags": {"a": 1}, "owner": UUID, "origin": UUID, "requirements": DEEP},
        {"type": "other", "requirements": DEEP},
        {"version": "1.2.3+master-20131204T013417Z-gcafebab"},
        {"version": 1.1, "name": 7, "description": 2024},
        {"v": "2"},
        {"v": 77},
        {"name": "a.b_c/d-e f"},
        {"homepage": "HTTPS://example.com", "eula": "http://example.com"},
        {"disabled": "false", "activated": "true", "icon": False, "generate_passwords": True},
        {"published_at": "2013-01-01T00:00:00Z"},
        {"published_at": "2013-01-01T00:00:00.123Z"},
        {"state": "creating", "type": "null", "os": "null"},
        {"files": []},
        *({"files": [FILE | {"compression": c}]} for c in ("none", "gzip", "bzip2", "xz", "zstd")),
        {"files": [FILE | {"dataset_guid": "1", "anything": None}]},
        {"acl": [UUID], "users": [{"name": "root"}], "billing_tags": ["x" * 128]},
        {"traits": {"a": "b", "c": True, "d": []}, "error": {"message": "x"}},
        {"traits": ["a", True]},
        {"inherited_directories": ["/opt"], "channels": ["dev"]},
        {"nic_driver": "", "cpu_type": None, "image_size": 0},
        {"type": "zvol", "nic_driver": "virtio", "disk_driver": "", "cpu_type": "host"},
        {"type": "zvol", "image_size": 10240},
        {"type": "zvol", "image_size": -1},
        {"type": "zvol", "requirements": BHYVE | {"bootrom": "bios"}},
        {"type": "zvol", "requirements": BHYVE | {"bootrom": "uefi"}},
        {"requirements": {"min_ram": 1, "max_ram": 1, "ssh_key": True, "networks": []}},
        {"requirements": {"networks": [{"name": "net0", "description": "public"}]}},
        {"requirements": {"bootrom": "", "brand": None, "min_ram": 0, "ssh_key": False}},
    ],
)
def test_valid(fields: dict[str, Any]) -> None:
    assert broken(MINIMAL | fields) == []


NAME_CHARACTERS = (
    "image name has invalid characters (only alpha-numeric characters and "
    '" ", ".", "-", "_" and "/" are allowed)'
)
VERSION_CHARACTERS = (
    "image version has invalid characters (only alpha-numeric characters and "
    '".", "-", "_" and "/" are allowed)'
)
TYPES = "must be one of: zone-dataset, zvol, lx-dataset, docker, other"
SYSTEMS = "must be one of: smartos, linux, windows, bsd, illumos, other"
NO_DATE = 'published_at date not in "YYYY-MM-DDTHH:MM:SS(.SSS)Z" format'
NO_BRAND = (
    '"requirements.brand" not specified. "requirements.bootrom" requires '
    '"requirements.brand" to be set to "bhyve"'
)


@pytest.mark.parametrize(
    ("field", "value", "messages"),
    [
        ("v", -1, ['"v" must be a positive integer']),
        ("v", "two", ['"v" must be a positive integer']),
        ("v", None, ['"v" must be a positive integer']),
        ("uuid", UUID.upper(), [None]),
        ("uuid", "../../etc/passwd", [None]),
        ("uuid", UUID + "\n", [None]),
        ("uuid", None, [None]),
        ("urn", 1, [None]),
        ("owner", "me", [None]),
        ("origin", [], [None]),
        ("name", "a" * 1025, ["image name is too long, max 1024 characters"]),
        ("name", "a:b", [NAME_CHARACTERS]),
        ("name", "", [NAME_CHARACTERS]),
        ("name", "a\n", [NAME_CHARACTERS]),
        ("name", "!" * 1025, ["image name is too long, max 1024 characters", NAME_CHARACTERS]),
        ("name", None, ["image name is not a string: null"]),
        ("version", "1" * 513, ["image version is too long, max 512 characters"]),
        ("version", "1 2", [VERSION_CHARACTERS]),
        ("version", [1], ["image version is not a string: [1]"]),
        ("description", "x" * 10241, ["image description is too long, max 10240 characters"]),
        ("description", None, ["image description is not a string: null"]),
        ("homepage", "ftp://example.com", ["invalid image homepage URL protocol"]),
        ("homepage", {}, ["invalid image homepage URL protocol"]),
        (
            "homepage",
            "http://" + "x" * 1024,
            ["image homepage URL is too long (max 1024 characters)"],
        ),
        ("eula", "javascript:1", ["invalid image EULA URL protocol"]),
        ("eula", "http://" + "x" * 1024, ["image EULA URL is too long (max 1024 characters)"]),
        ("disabled", "no", ['invalid value for "disabled" (must be true or false): "no"']),
        ("activated", 1, ['invalid value for "activated" (must be true or false): 1']),
        ("icon", None, ['invalid value for "icon" (must be true or false): null']),
        (
            "generate_passwords",
            [],
            ['invalid value for "generate_passwords" (must be true or false): []'],
        ),
        ("public", "proto", ['invalid value for "public" (must be true or false): "proto"']),
        ("published_at", "2013-01-01", [NO_DATE]),
        ("published_at", "2013-01-01T00:00:00Z\n", [NO_DATE]),
        ("published_at", 0, [NO_DATE]),
        ("state", "installed", [None]),
        ("state", {}, [None]),
        ("type", "wat", [f'invalid image type, "wat", {TYPES}']),
        ("type", ["zvol"], [f'invalid image type, "["zvol"]", {TYPES}']),
        ("type", "null", ['invalid image type, "null"']),
        ("os", "beos", [f'invalid image os, "beos", {SYSTEMS}']),
        ("os", "null", ['invalid image os, "null"']),
        ("error", "x", ['invalid image "error" (not an object): "x"']),
        ("files", {}, ['invalid image "files" (not an array): {}']),
        ("files", [FILE, FILE], ['invalid image "files": too many files']),
        ("files", [None], ['invalid image "files": file is not an object: null']),
        (
            "files",
            [{"size": 0}],
            [
                f'invalid image "files": file missing "{member}" field'
                for member in ("sha1", "size", "compression")
            ],
        ),
        (
            "files",
            [FILE | {"compression": "lzma"}],
            [
                'invalid image "files": invalid compression "lzma" '
                "(must be one of none, gzip, bzip2, xz, zstd)"
            ],
        ),
        ("acl", "x", ['invalid image "acl" (not an array): x']),
        ("acl", [UUID, "a", "b"], ['invalid image "acl" (item 1 is not a UUID): a']),
        ("requirements", "x", ['invalid image "requirements" (not an object): "x"']),
        ("users", {}, ['invalid image "users" (not an array): {}']),
        ("users", [{"name": "a", "x": 1}], ['invalid image "users" entry: {"name":"a","x":1}']),
        ("users", ["a", {}], [f'invalid image "users" entry: {x}' for x in ('"a"', "{}")]),
        ("billing_tags", 5, ['invalid image "billing_tags" (not an array): 5']),
        ("billing_tags", [5], ['invalid image "billing_tags" entry : 5']),
        ("traits", "x", ['invalid image "traits" (not an object): "x"']),
        ("traits", {"a": {}}, ['invalid image "traits" entry: (a, {})']),
        ("traits", [1], ['invalid image "traits" entry: (0, 1)']),
        ("tags", [1], ['invalid image "tags" (not an object): [1]']),
        ("tags", None, ['invalid image "tags" (not an object): null']),
        (
            "tags",
            {"a": "x" * 102_400},
            ['image "tags" object is too big: 102408 characters (max 102400)'],
        ),
        (
            "inherited_directories",
            "x",
            ['invalid image "inherited_directories" (not an array): "x"'],
        ),
        ("inherited_directories", [1], ['invalid image "inherited_directories" entry: 1']),
        ("channels", "dev", ['invalid image "channels" (not an array): "dev"']),
        ("channels", [1], ['invalid image "channels" entry: 1']),
        ("colour", "blue", [None]),
    ],
)
def test_broken_field(field: str, value: Any, messages: list[str | None]) -> None:
    assert broken(MINIMAL | {field: value}) == [(field, "Invalid", text) for text in messages]


@pytest.mark.parametrize("field", ["nic_driver", "disk_driver", "cpu_type", "image_size"])
def test_zvol_only_fields(field: str) -> None:
    text = f'invalid image {field}: "x" (cannot have a value when image type is not zvol)'
    assert broken(MINIMAL | {field: "x"}) == [(field, "Invalid", text)]
    wanted = "a positive integer" if field == "image_size" else "a string"
    text = f'invalid image {field}: "1.5" (must be {wanted})'
    assert broken(ZVOL | {field: 1.5}) == [(field, "Invalid", text)]


def test_inherited_directories_are_for_zones() -> None:
    text = 'invalid image "inherited_directories" (only valid for a type:zone-dataset image): ["/"]'
    found = broken(ZVOL | {"inherited_directories": ["/"]})
    assert found == [("inherited_directories", "Invalid", text)]


@pytest.mark.parametrize(
    ("requirements", "field", "message"),
    [
        ({"networks": "x"}, "networks", '(not an array): "x"'),
        ({"networks": [{"name": "a"}]}, "networks", 'entry: {"name":"a"}'),
        ({"networks": [1]}, "networks", "entry: 1"),
        ({"brand": 5}, "brand", "(not a string): 5"),
        ({"ssh_key": "yes"}, "ssh_key", '(not a boolean): "yes"'),
        ({"min_ram": 1.5}, "min_ram", "(not a positive integer): 1.5"),
        ({"max_ram": "1"}, "max_ram", '(not a positive integer): "1"'),
        ({"min_platform": {}}, "min_platform", "(not an object): {}"),
        ({"max_platform": "x"}, "max_platform", '(not an object): "x"'),
        *(
            (
                {"max_platform": {"7.0": stamp}},
                "max_platform",
                f'entry: "7.0: {stamp}" not a valid platform version',
            )
            for stamp in (
                "20110101T000000Z",
                "20121301T000000Z",
                "20120132T000000Z",
                "20120101T240000Z",
                "20120101T006000Z",
                "20120101T000060Z",
                "20120101 000000Z",
                "201201aaT000000Z",
                "20120101T000000",
                5,
            )
        ),
    ],
)
def test_broken_requirement(requirements: dict[str, Any], field: str, message: str) -> None:
    name = f"requirements.{field}"
    text = f'invalid image "{name}" {message}'
    assert broken(MINIMAL | {"requirements": requirements}) == [(name, "Invalid", text)]


@pytest.mark.parametrize(
    ("requirements", "found"),
    [
        (
            {"min_ram": 2, "max_ram": 1},
            [
                (
                    "requirements.max_ram",
                    "Invalid",
                    "min_ram must be <= max_ram, but:min_ram=2, max_ram=1",
                )
            ],
        ),
        ({"bootrom": "bios"}, [("requirements.bootrom", "MissingParameter", NO_BRAND)]),
        (
            {"bootrom": "bios", "brand": "kvm"},
            [
                (
                    "requirements.bootrom",
                    "Invalid",
                    'invalid bootrom "requirements.bootrom" not supported with "kvm" brand; '
                    '"requirements.brand" must be "bhyve"',
                )
            ],
        ),
        (
            BHYVE | {"bootrom": "/some/path"},
            [
                (
                    "requirements.bootrom",
                    "Invalid",
                    'invalid bootrom "requirements.bootrom" invalid entry "/some/path"; '
                    "must be one of: bios, uefi",
                )
            ],
        ),
        ({"cpu": 1}, [("cpu", "Invalid", 'unsupported requirement "cpu"')]),
    ],
)
def test_requirements_that_depend_on_others(requirements: Any, found: list[tuple]) -> None:
    assert broken(ZVOL | {"requirements": requirements}) == found


def test_what_each_rule_set_requires() -> None:
    absent = [(field, "MissingParameter", None) for field in MINIMAL]
    assert broken({}) == absent
    assert [field for field, _, _ in broken({}, "dc")] == [
        *["v", "uuid", "owner", "name", "version", "disabled", "activated"],
        *["public", "state", "type", "os"],
    ]
    assert broken(SERVER, "dc") == []
    zvol = SERVER | {"type": "zvol", "cpu_type": "host", "image_size": 1}
    assert [field for field, _, _ in broken(zvol, "dc")] == ["nic_driver", "disk_driver"]


def test_activated_images_have_a_date_and_files() -> None:
    assert broken(SERVER | {"activated": "true"}, "dc") == [
        (field, "MissingParameter", f'if activated is "true" {field} must be present')
        for field in ("published_at", "files")
    ]


@pytest.mark.parametrize(
    ("mode", "public", "text"),
    [
        ("public", True, None),
        ("public", "false", "private images are not allowed on a public Images API"),
        ("private", False, None),
        ("private", True, "public images are not allowed on a private Images API"),
        ("dc", False, None),
    ],
)
def test_server_modes(mode: str, public: Any, text: str | None) -> None:
    wanted = [] if text is None else [("public", "Invalid", text)]
    assert broken(SERVER | {"public": public}, mode) == wanted


def test_channels_of_a_server() -> None:
    text = "channels is invalid with an IMGAPI not configured for channels"
    assert broken(SERVER | {"channels": ["dev"]}, "dc") == [("channels", "Invalid", text)]
    assert broken(SERVER, "public", channels={"dev"}) == [("channels", "MissingParameter", None)]
    assert broken(SERVER | {"channels": ["dev", "x", []]}, "dc", channels={"dev"}) == [
        ("channels", "Invalid", f'invalid image "channels" entry: {entry}')
        for entry in ('"x"', "[]")
    ]


def test_order_is_required_then_known_then_unknown() -> None:
    manifest = {"zebra": 1, "urn": 1, "os": "x", "ape": 1, "type": "x", "owner": 1, "v": -1}
    assert [field for field, _, _ in broken(manifest)] == [
        *["v", "uuid", "name", "version", "type", "os"],
        *["urn", "owner"],
        *["zebra", "ape"],
    ]


def test_all_violations_in_one_error() -> None:
    manifest = dict(MINIMAL, type="wat", zebra=1)
    del manifest["name"]
    with pytest.raises(ManifestValidationError) as caught:
        check_manifest(manifest)
    assert str(caught.value) == (
        "invalid manifest: name (MissingParameter), "
        f'type (invalid image type, "wat", {TYPES}), zebra'
    )


def test_what_a_message_quotes_is_short_and_printable() -> None:
    [(_, _, text)] = broken(MINIMAL | {"os": "\x1b[2J" + "x" * 10_000})
    assert text.startswith('invalid image os, "\\x1b[2Jxxx')
    assert len(text) < 400
    [(field, _, _)] = broken(MINIMAL | {"\x1b[31m": 1})
    assert field == "\\x1b[31m"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**300, float("nan"), float("inf"), "", "null", "true", UUID, "zvol"])
    | st.floats()
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
REQUIREMENTS = st.dictionaries(
    st.sampled_from(["networks", "brand", "ssh_key", "min_ram", "max_ram", "bootrom", "x"])
    | st.sampled_from(["min_platform", "max_platform"]),
    JSON,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from([*RULES, "x"]), JSON),
    st.none() | REQUIREMENTS,
    st.sampled_from(["minimal", "dc", "public", "private"]),
    st.sampled_from([None, {"dev"}]),
)
def test_no_value_crashes_a_rule(
    manifest: dict[str, Any], requirements: Any, mode: str, channels: Any
) -> None:
    if requirements is not None:
        manifest["requirements"] = requirements
    for item in find_violations(manifest, mode, channels=channels):
        assert item.code in ("Invalid", "MissingParameter")
        assert item.message is None or item.message.isprintable()
