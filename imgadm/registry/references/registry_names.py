"""The registries in the names of images, and the URLs of their servers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from imgadm.base.errors import ConfigError
from imgadm.base.redaction import redact_url
from imgadm.base.urls import is_loopback, server_address

OFFICIAL = "docker.io"
OFFICIAL_CREDENTIALS = "https://index.docker.io/v1/"
"""The name of Docker Hub in files of credentials."""

_OFFICIAL_ROOT = "https://registry-1.docker.io"
_OFFICIAL_HOSTS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_SCHEMES = ("http", "https")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9_.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class RegistryName:
    """A registry: ``docker.io`` or ``HOST[:PORT]``; ``scheme`` is ``None`` if its URL has none."""

    name: str
    scheme: str | None = None

    @property
    def is_official(self) -> bool:
        """Whether this is Docker Hub."""
        return self.name == OFFICIAL

    @property
    def root(self) -> str:
        """The URL that ``/v2/`` is under.

        Without a ``scheme`` it is an http URL for this machine, and an https URL for any other.
        """
        return _OFFICIAL_ROOT if self.is_official else self.url

    @property
    def url(self) -> str:
        """The URL that operators know, with its scheme."""
        if self.is_official:
            return f"https://{self.name}"
        return f"{self.scheme or ('http' if is_loopback(self.name) else 'https')}://{self.name}"

    @property
    def credentials_name(self) -> str:
        """The name of the registry for programs that keep credentials."""
        return OFFICIAL_CREDENTIALS if self.is_official else self.name


def parse_registry_name(url: str) -> RegistryName:
    """Return the registry that ``url``, the URL or the name of a registry, means.

    Credentials in it are ignored. Raises :class:`ConfigError` if it names no registry.
    """
    scheme, separator, rest = url.lower().rpartition("://")
    if separator and scheme not in _SCHEMES:
        raise ConfigError(f'invalid index scheme, must be "http" or "https": {redact_url(url)}')
    address, _, repository = rest.partition("/")
    host = address.rpartition("@")[2]
    if not host:
        raise ConfigError(f"invalid index, empty host: {redact_url(url)}")
    if repository and url != OFFICIAL_CREDENTIALS:
        raise ConfigError(f"invalid index, trailing repo: {redact_url(url)}")
    if host != "localhost" and "." not in host and ":" not in host:
        raise ConfigError(
            f'invalid index, "{redact_url(url)}" does not look like a valid host: '
            f"{redact_url(host)}"
        )
    return registry_name_of(scheme or None, host, url)


def registry_name_of(scheme: str | None, host: str, said: str) -> RegistryName:
    """Return the registry at ``host``; an error quotes ``said``, the text that the operator typed.

    Raises :class:`ConfigError` if ``host`` is no host, and for Docker Hub over http.
    """
    if not _HOST.fullmatch(host):
        raise ConfigError(f'invalid index, "{redact_url(said)}" is no host with an optional port')
    if (host.rpartition(":")[0] or host) in _OFFICIAL_HOSTS:
        if scheme == "http":
            raise ConfigError(
                f"invalid index, HTTP to official index is disallowed: {redact_url(said)}"
            )
        return RegistryName(OFFICIAL)
    # This gives equal addresses one spelling, and raises for an invalid port.
    usual = "http" if is_loopback(host) else "https"
    return RegistryName(urlsplit(server_address(f"{scheme or usual}://{host}").base).netloc, scheme)


def names_host(part: str) -> bool:
    """Tell whether ``part``, the first part of an image's name, is a registry and no namespace."""
    return part == "localhost" or "." in part or ":" in part
