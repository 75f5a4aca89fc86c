"""The configuration file and its upgrade."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from imgadm.base.errors import ConfigError, UpgradeError
from imgadm.base.settings import Settings
from imgadm.operations.hosting.manage_sources import add_source, delete_sources, replace_sources
from imgadm.operations.upkeep.open_configuration import open_configuration
from imgadm.operations.upkeep.upgrade_state import needs_upgrade
from imgadm.state.configuration import Configuration
from imgadm.state.source_config import SourceConfig
from imgadm.state.source_rules import DEFAULT_SOURCE, check_source


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"IMGADM_ROOT": str(tmp_path / "imgadm")}, uid=0)


def configure(settings: Settings, values: Any) -> None:
    settings.root.mkdir(parents=True, exist_ok=True)
    settings.configuration_path.write_text(json.dumps(values))


def saved(settings: Settings) -> Any:
    return json.loads(settings.configuration_path.read_text())


def test_a_missing_file_gives_the_defaults(tmp_path: Path) -> None:
    configuration = Configuration.load(tmp_path / "imgadm.conf")
    assert configuration.values == {"dockerImportSkipUuids": True}
    assert configuration.sources == [DEFAULT_SOURCE]
    assert configuration.upgraded_to == "1.0.0"
    assert configuration.user_agent_extra is None


def test_no_sources_is_not_the_default(tmp_path: Path) -> None:
    assert Configuration(tmp_path, {"sources": []}).sources == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", 'config file "{}" is not valid JSON'),
        ("{bad", 'config file "{}" is not valid JSON'),
        ("[" * 100_000, 'config file "{}" is not valid JSON'),
        ('{"mine": NaN}', 'config file "{}" is not valid JSON'),
        ('{"mine": 1e400}', 'config file "{}" is not valid JSON'),
        ("null", 'config file "{}" is not a JSON object'),
        ("[]", 'config file "{}" is not a JSON object'),
        ('{"userAgentExtra": 7}', '"userAgentExtra" in config file "{}" is not a string'),
        ('{"upgradedToVer": 3}', '"upgradedToVer" in config file "{}" is not a string'),
        ('{"sources": {}}', '"sources" in config file "{}" is not an array'),
    ],
)
def test_files_that_make_no_sense(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "imgadm.conf"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        Configuration.load(path)
    assert caught.value.message == message.format(path)


def test_layout_and_order_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "imgadm.conf"
    path.write_text('{"mine": "é", "upgradedToVer": "3.0.0"}')
    configuration = Configuration.load(path)
    configuration.set_sources([SourceConfig("http://a", "imgapi", True, "dev")])
    configuration.save()
    assert path.read_text("utf-8") == (
        "{\n"
        '  "dockerImportSkipUuids": true,\n'
        '  "mine": "é",\n'
        '  "upgradedToVer": "3.0.0",\n'
        '  "sources": [\n'
        "    {\n"
        '      "type": "imgapi",\n'
        '      "url": "http://a",\n'
        '      "insecure": true,\n'
        '      "channel": "dev"\n'
        "    }\n"
        "  ]\n"
        "}"
    )


def test_the_same_source_counts_once(tmp_path: Path) -> None:
    urls = ["http://a.example", "a.example:80/", "https://a.example"]
    configuration = Configuration(tmp_path, {"sources": [{"url": url} for url in urls]})
    assert [source.url for source in configuration.sources] == [urls[0], urls[2]]


def test_unusable_entries_are_named_and_kept(tmp_path: Path) -> None:
    bad = [7, {"type": "imgapi"}, {"url": "ftp://a"}, {"url": "http://a", "insecure": "no"}]
    configuration = Configuration(tmp_path / "c", {"sources": [*bad, {"url": "http://b"}]})
    assert [source.url for source in configuration.sources] == ["http://b"]
    assert len(configuration.problems) == len(bad)
    assert all(f'a source in "{tmp_path / "c"}": ' in text for text in configuration.problems)
    configuration.set_sources([])
    assert configuration.values["sources"] == bad


@pytest.mark.parametrize(
    ("url", "kind", "message"),
    [
        ("http://a.example", "imgapi", None),
        ("a.example", "imgapi", None),
        ("http://a.example/datasets", "dsapi", None),
        ("https://docker.io", "docker", None),
        ("registry:5000", "docker", None),
        ("localhost", "docker", None),
        ("http://a", "x", 'invalid source type: "x"'),
        (
            "http://a",
            "dsapi",
            '"dsapi" source URL does not end with "/datasets": "http://a"',
        ),
        ("host", "docker", 'invalid index, "host" does not look like a valid host: host'),
        ("http://docker.io", "docker", "invalid index, HTTP to official index is disallowed: "),
        ("http://a.example/b", "docker", "invalid index, trailing repo: http://a.example/b"),
        ("ftp://a", "docker", 'invalid index scheme, must be "http" or "https": ftp://a'),
        ("https://", "docker", "invalid index, empty host: https://"),
    ],
)
def test_which_sources_may_be_configured(url: str, kind: str, message: str | None) -> None:
    source = SourceConfig(url, kind)
    if message is None:
        check_source(source)
        return
    with pytest.raises(ConfigError) as caught:
        check_source(source)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("version", "older"),
    [("1.0.0", True), ("2.0.0", True), ("2.9.9", True), ("3.0.0", False), ("10.0.0", False)],
)
def test_versions_compare_as_numbers(tmp_path: Path, version: str, older: bool) -> None:
    assert needs_upgrade(Configuration(tmp_path, {"upgradedToVer": version})) is older


def test_a_version_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UpgradeError, match="upgrader: currVer=three highestUpVer=3.0.0"):
        needs_upgrade(Configuration(tmp_path, {"upgradedToVer": "three"}))


def test_state_that_cannot_be_written_is_read_as_upgraded(settings: Settings) -> None:
    configure(settings, {"upgradedToVer": "2.0.0", "sources": [{"url": "http://a/datasets"}]})
    settings.lock_directory.write_text("a file in the way of the locks")
    before = settings.configuration_path.read_bytes()
    configuration = open_configuration(settings, notify=pytest.fail)
    assert configuration.sources == [SourceConfig("http://a/datasets", "dsapi")]
    assert settings.configuration_path.read_bytes() == before


UUID = "01b2c898-945f-11e1-a523-af1afbe22822"
OTHER = "7970c690-1738-4e58-a04f-8ce4ea8ebfca"


def test_version_1_is_upgraded_in_full_when_zfs_answers(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sources are there at once, the records of its images as soon as those can be listed."""
    old = {"uuid": UUID, "name": "smartos", "version": "1", "creator_uuid": UUID}
    legacy = tmp_path / "db" / "imgadm"
    legacy.mkdir(parents=True)
    (legacy / "sources.list").write_text("http://a/datasets\n")
    for uuid in (UUID, OTHER):
        (legacy / f"{uuid}.json").write_text(json.dumps(old))
    zfs = tmp_path / "zfs"
    zfs.write_text("#!/bin/sh\necho busy >&2; exit 1\n")
    zfs.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    said: list[str] = []
    configuration = open_configuration(settings, notify=said.append)
    assert configuration.sources == [DEFAULT_SOURCE, SourceConfig("http://a/datasets", "dsapi")]
    assert configuration.upgraded_to == "1.0.0"
    assert said == ['Upgrade: imported image source "http://a/datasets"']

    rows = "".join(rf"zones/{uuid}\t-\t/zones/{uuid}\t-\t1\n" for uuid in (UUID, OTHER))
    zfs.write_text(f"#!/bin/sh\nprintf '{rows}'\n")
    said.clear()
    configuration = open_configuration(settings, notify=said.append)
    assert configuration.sources == [DEFAULT_SOURCE, SourceConfig("http://a/datasets", "dsapi")]
    assert configuration.upgraded_to == "3.0.0"
    assert said == [
        f"Upgraded image {UUID} data",
        f"imgadm: warning: could not load image {OTHER} info from {legacy}/{OTHER}.json "
        f"for upgrade: manifest is invalid: it is about image {UUID}",
    ]
    record = json.loads((settings.records_directory / f"zones-{UUID}.json").read_text())
    assert record["manifest"]["owner"] == UUID
    assert [path.name for path in settings.records_directory.iterdir()] == [f"zones-{UUID}.json"]


def replace(settings: Settings, *urls: str) -> tuple[list[str], list[str], bool]:
    result = replace_sources(settings, [SourceConfig(url) for url in urls], ping=None)
    deleted, added = ([source.url for source in part] for part in (result.deleted, result.added))
    return deleted, added, result.reordered


@pytest.mark.parametrize(
    ("urls", "change"),
    [
        (["http://a", "http://b"], ([], [], False)),
        (["http://b", "http://a"], ([], [], True)),
        (["http://a"], (["http://b"], [], False)),
        (["http://a", "http://b", "http://c"], ([], ["http://c"], False)),
        (["http://c", "http://b"], (["http://a"], ["http://c"], False)),
        (["http://c", "http://b", "http://a"], ([], ["http://c"], True)),
        (["http://a", "http://a", "http://b"], ([], [], False)),
        ([], (["http://a", "http://b"], [], False)),
    ],
)
def test_replacement_tells_what_changed(
    settings: Settings, urls: list[str], change: tuple[list[str], list[str], bool]
) -> None:
    configure(settings, {"sources": [{"url": "http://a"}, {"url": "http://b"}]})
    assert replace(settings, *urls) == change
    assert [entry["url"] for entry in saved(settings)["sources"]] == list(dict.fromkeys(urls))


def test_replacement_keeps_the_channel_of_a_source(settings: Settings) -> None:
    configure(settings, {"sources": [{"url": "http://a", "channel": "dev"}]})
    assert replace(settings, "http://b", "http://a") == ([], ["http://b"], False)
    assert saved(settings)["sources"][1]["channel"] == "dev"


def test_sources_that_are_null_are_none_configured(settings: Settings) -> None:
    configure(settings, {"upgradedToVer": "1.0.0", "sources": None, "theirs": {"a": [1]}})
    configuration = open_configuration(settings, notify=pytest.fail)
    assert configuration.sources == [DEFAULT_SOURCE]
    assert configuration.problems == []
    add_source(settings, SourceConfig("http://a"), ping=None)
    saved = json.loads(settings.configuration_path.read_text())
    assert [entry["url"] for entry in saved["sources"]] == [DEFAULT_SOURCE.url, "http://a"]
    assert saved["theirs"] == {"a": [1]}


def test_what_others_have_written_stays_when_sources_change(settings: Settings) -> None:
    entries = [
        {"url": "http://a", "type": "imgapi", "theirs": {"deep": [None]}, "note": "keep"},
        {"url": "http://b", "type": "imgapi", "note": "b"},
        {"url": "http://c", "type": "pigeon", "note": "c"},
    ]
    configure(settings, {"upgradedToVer": "3.0.0", "more": 1, "sources": entries})
    add_source(settings, SourceConfig("http://d"), ping=None)
    delete_sources(settings, "http://b")
    wanted = [SourceConfig("http://d"), SourceConfig("http://a")]
    replace_sources(settings, wanted, ping=None)
    saved = json.loads(settings.configuration_path.read_text())
    assert saved["more"] == 1
    assert saved["sources"] == [{"type": "imgapi", "url": "http://d"}, entries[0], entries[2]]


@pytest.mark.parametrize(
    ("url", "private"),
    [("http://u:p@h", True), ("http://h?token=x", True), ("http://h?channel=x", False)],
)
@pytest.mark.parametrize("existing", [None, 0o644, 0o666, 0o600])
def test_a_file_with_a_secret_is_its_owners_alone(
    settings: Settings, url: str, private: bool, existing: int | None
) -> None:
    path = settings.configuration_path
    if existing is not None:
        configure(settings, {"upgradedToVer": "3.0.0", "sources": []})
        path.chmod(existing)
    add_source(settings, SourceConfig(url), ping=None)
    mode = path.stat().st_mode & 0o777
    assert (mode & 0o077 == 0) if private else (mode == existing or existing is None)
    configuration = Configuration.load(path)
    assert configuration.exposure is None
    path.chmod(0o640)
    assert (configuration.exposure is not None) is private


def test_a_source_is_known_by_what_is_shown_of_it(settings: Settings) -> None:
    first, second = SourceConfig("http://u:p@h"), SourceConfig("http://u:q@h")
    for source in (first, second, SourceConfig("https://h")):
        assert add_source(settings, source, ping=None).added
    assert not add_source(settings, SourceConfig("http://***@h"), ping=None).added
    with pytest.raises(ConfigError, match=r"has \*\*\* in place of a secret"):
        add_source(settings, SourceConfig("http://***@other"), ping=None)
    kept = [SourceConfig("http://***@h"), SourceConfig("http://***@h")]
    replace_sources(settings, kept, ping=None)
    urls = [
        source.url.reveal() for source in Configuration.load(settings.configuration_path).sources
    ]
    assert urls == ["http://u:p@h", "http://u:q@h"]
    assert delete_sources(settings, "http://u:wrong@h") == []
    assert delete_sources(settings, "u:q@h") == [second]
    assert delete_sources(settings, "http://***@h/") == [first]


@pytest.mark.parametrize(
    ("values", "mode"),
    [
        ({"sources": [{"type": "imgapi", "url": "https://a.example"}]}, 0o644),
        ({"sources": [{"type": "imgapi", "url": "https://a.example?channel=dev"}]}, 0o644),
        ({"userAgentExtra": "me@a.example"}, 0o644),
        ({"sources": [{"type": "imgapi", "url": "https://me:secret@a.example"}]}, 0o600),
        ({"sources": [{"type": "imgapi", "url": "me:secret@a.example"}]}, 0o600),
        ({"sources": [{"type": "imgapi", "url": "https://token@a.example/b"}]}, 0o600),
        ({"sources": [{"type": "imgapi", "url": "https://a.example?channel=a&token=b"}]}, 0o600),
        ({"mirrors": {"docker.io": ["https://me:secret@a.example"]}}, 0o600),
        ({"somethingElse": [{"deep": "http://me:secret@proxy.example"}]}, 0o600),
    ],
)
@pytest.mark.parametrize("umask", [0, 0o022])
def test_a_configuration_with_a_secret_is_its_owners_alone(
    values: dict[str, Any], mode: int, umask: int, tmp_path: Path
) -> None:
    path = tmp_path / "imgadm.conf"
    before = os.umask(umask)
    try:
        for _ in range(2):
            Configuration(path, values).save()
            assert path.stat().st_mode & 0o7777 == mode
            path.chmod(0o644)
    finally:
        os.umask(before)


def test_a_configuration_that_is_kept_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "imgadm.conf").symlink_to("kept.conf")
    Configuration(tmp_path / "imgadm.conf").save()
    assert (tmp_path / "imgadm.conf").is_symlink()
    assert (tmp_path / "kept.conf").is_file()
