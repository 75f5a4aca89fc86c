"""The servers to ask for the images of a registry: its mirrors, and the registry itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from imgadm.base.errors import ConfigError
from imgadm.base.redaction import redact_url
from imgadm.base.urls import is_loopback, server_address, shown_value
from imgadm.registry.access.credentials import Credentials
from imgadm.registry.references.registry_names import (
    RegistryName,
    parse_registry_name,
    registry_name_of,
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server.

    ``registry`` is its name in files of credentials. ``root`` is the URL that ``/v2/`` is under.
    ``prefix`` stands before the names of repositories; it is empty or ends with a slash. An
    ``insecure`` server may use plain http or any certificate. ``credentials`` are those in the URL
    of the source; they take precedence over files.
    """

    registry: RegistryName
    root: str
    prefix: str = ""
    insecure: bool = False
    credentials: Credentials | None = None

    def __post_init__(self) -> None:
        """Raise :class:`ConfigError` for plain http to another machine, unless ``insecure``."""
        parts = urlsplit(self.root)
        if parts.scheme == "http" and not self.insecure and not is_loopback(parts.netloc):
            raise ConfigError(
                f'the registry "{self.root}" is asked over plain http only if it is on this '
                'machine, or insecure: a source by "imgadm sources -k", a mirror by its setting'
            )


def registry_endpoint(url: str, *, insecure: bool) -> Endpoint:
    """Return the server of the registry at ``url``, the URL of a source.

    Raises :class:`ConfigError` for a URL that names no registry.
    """
    registry = parse_registry_name(url)
    netloc = urlsplit(url if "://" in url else f"https://{url}").netloc
    credentials = None
    if "@" in netloc:
        pair = server_address(f"https://{netloc}").credentials
        credentials = Credentials(*pair) if pair else None
    return Endpoint(registry, registry.root, insecure=insecure, credentials=credentials)


def mirror_endpoints(mirrors: Mapping[str, Any], registry: RegistryName) -> list[Endpoint]:
    """Return the mirrors of ``registry``, in the order of the setting.

    ``mirrors`` is the setting: by the name of a registry, a list of URLs, or of objects with the
    members ``url`` and ``insecure``. Raises :class:`ConfigError` for a setting of another form.
    """
    found: list[Endpoint] = []
    for name, entries in mirrors.items():
        try:
            if parse_registry_name(name).name != registry.name:
                continue
        except ConfigError as error:
            raise ConfigError(f'"mirrors" has an entry for no registry: {error.message}') from error
        if not isinstance(entries, Sequence) or isinstance(entries, str):
            raise ConfigError(
                f'"mirrors" of "{redact_url(name)}" is {shown_value(entries)}, a list was expected'
            )
        found += [_mirror(name, entry) for entry in entries]
    return found


def _mirror(name: str, entry: object) -> Endpoint:
    settings = {"url": entry} if isinstance(entry, str) else entry
    url = settings.get("url") if isinstance(settings, dict) else None
    insecure = settings.get("insecure", False) if isinstance(settings, dict) else False
    if not isinstance(url, str) or not isinstance(insecure, bool):
        raise ConfigError(
            f'a mirror of "{redact_url(name)}" is {shown_value(entry)}, a URL was expected'
        )
    scheme, separator, rest = url.rpartition("://")
    address, _, path = rest.partition("/")
    if separator and scheme.lower() not in ("http", "https"):
        raise ConfigError(
            f'a mirror of "{redact_url(name)}" is "{redact_url(url)}", an HTTP URL was expected'
        )
    if "@" in rest:
        raise ConfigError(
            f'the mirror "{redact_url(url)}" has a password in its URL; log in to it instead'
        )
    registry = registry_name_of(scheme.lower() or None, address.lower(), url)
    prefix = path.strip("/")
    return Endpoint(registry, registry.root, f"{prefix}/" if prefix else "", insecure)
