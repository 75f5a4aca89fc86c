"""The upgrade of the state that older versions of imgadm have left on this host.

Version 1 had a file UUID.json for each image, and a ``sources.list``, in a directory of its own.
Version 2 had sources without a type. ``upgradedToVer`` in the configuration is the version to which
the state has been upgraded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from imgadm.base.errors import ConfigError, ImgadmError, UpgradeError
from imgadm.base.files.replacement import read_or_none
from imgadm.base.settings import Settings
from imgadm.manifest.errors import InvalidManifestError
from imgadm.state.configuration import CURRENT_VERSION, Configuration
from imgadm.state.database import Database

if TYPE_CHECKING:
    from imgadm.pools.images import InstalledImage

_FIRST_DEFAULT_SOURCE = "https://datasets.tritondatacenter.com/datasets/"

Notify = Callable[[str], None]


def needs_upgrade(configuration: Configuration) -> bool:
    """Tell whether ``configuration`` is of an older version than the current one."""
    return _version(configuration) < _numbers(CURRENT_VERSION)


def upgrade_state(settings: Settings, configuration: Configuration, *, notify: Notify) -> None:
    """Do each missing step of the upgrade and save ``configuration``.

    The caller holds the state lock. ``notify`` gets a line for each step. Raises ImgadmError. The
    steps before the error stay done, and the next run goes on; for instance, if ``zfs`` fails to
    list the images, they get their records in a later run.
    """
    if _version(configuration) < _numbers("2.0.0"):
        if settings.legacy_directory is not None:
            _upgrade_from_version_1(settings, settings.legacy_directory, configuration, notify)
        configuration.values["upgradedToVer"] = "2.0.0"
    if needs_upgrade(configuration):
        add_source_types(configuration)
        configuration.values["upgradedToVer"] = CURRENT_VERSION
        configuration.save()


def add_source_types(configuration: Configuration) -> None:
    """Give each configured source without a type the type that its URL shows."""
    for entry in configuration.values.get("sources", []):
        if isinstance(entry, dict) and isinstance(entry.get("url"), str):
            entry.setdefault("type", _type_of(entry["url"]))


def _version(configuration: Configuration) -> tuple[int, ...]:
    return _numbers(configuration.upgraded_to)


def _numbers(version: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:
        raise UpgradeError(
            "could not determine appropriate upgrader: "
            f"currVer={version} highestUpVer={CURRENT_VERSION}"
        ) from None


def _type_of(url: str) -> str:
    return "dsapi" if url.endswith(("/datasets", "/datasets/")) else "imgapi"


def _upgrade_from_version_1(
    settings: Settings, legacy: Path, configuration: Configuration, notify: Notify
) -> None:
    failure = None
    try:
        _upgrade_records(settings, legacy, notify)
    except ImgadmError as error:
        failure = error
    imported = _import_sources(legacy, configuration, notify)
    if failure is not None:
        if imported:
            configuration.save()
        raise failure


def _upgrade_records(settings: Settings, legacy: Path, notify: Notify) -> None:
    """Write records for the images that only version 1 has recorded."""
    if not any(legacy.glob("*.json")):
        return
    from imgadm.pools import host_pools

    database = Database(settings.records_directory)
    for pool in host_pools(settings):
        for image in pool.images():
            path = legacy / f"{image.uuid}.json"
            if "name" not in image.manifest:
                _upgrade_record(image, path, database, notify)


def _upgrade_record(image: InstalledImage, path: Path, database: Database, notify: Notify) -> None:
    from imgadm.manifest import parse_manifest, upgrade_manifest

    try:
        content = read_or_none(path)
        if content is None:
            return
        old = parse_manifest(content)
        manifest = upgrade_manifest(old)
        if manifest.get("uuid") != image.uuid:
            raise InvalidManifestError(f"it is about image {manifest.get('uuid')}")
    except ImgadmError as error:
        notify(
            f"imgadm: warning: could not load image {image.uuid} info from {path} "
            f"for upgrade: {error}"
        )
        return
    source = old.get("_url")
    database.write(image.pool, manifest, source if isinstance(source, str) else None)
    notify(f"Upgraded image {image.uuid} data")


def _import_sources(legacy: Path, configuration: Configuration, notify: Notify) -> bool:
    """Configure the sources of version 1 after the default one, if it had others than its default.

    Return whether any source was configured.
    """
    content = None if configuration.has_sources else read_or_none(legacy / "sources.list")
    if content is None:
        return False
    words = (
        line.partition("#")[0].split() for line in content.decode(errors="replace").split("\n")
    )
    urls = [line[0] for line in words if line]
    if not urls or urls == [_FIRST_DEFAULT_SOURCE]:
        return False
    from imgadm.base.redaction import SecretUrl
    from imgadm.state.source_config import SourceConfig
    from imgadm.state.source_rules import DEFAULT_SOURCE, check_source

    sources = {DEFAULT_SOURCE.identity: DEFAULT_SOURCE}
    for url in dict.fromkeys(map(SecretUrl, urls)):
        if url == _FIRST_DEFAULT_SOURCE:
            notify(f'Upgrade: imported image source "{url}"')
            continue
        source = SourceConfig(url, "dsapi")
        try:
            check_source(source)
        except ConfigError as error:
            notify(f"imgadm: warning: did not import an image source: {error}")
            continue
        if source.identity not in sources:
            sources[source.identity] = source
            notify(f'Upgrade: imported image source "{url}"')
    configuration.set_sources(list(sources.values()))
    return True
