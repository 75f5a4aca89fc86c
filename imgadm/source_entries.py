"""Image sources as they are configured: what an entry says, and when two entries are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from imgadm.errors import ConfigError

SOURCE_TYPES = ("imgapi", "dsapi", "docker")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class SourceEntry:
    """One entry of ``sources`` in the configuration; the URL as it was typed.

    ``insecure`` None leaves the TLS check to the environment, ``channel`` None to the URL.
    """

    type: str
    url: str
    insecure: bool | None = None
    channel: str | None = None

    def __str__(self) -> str:
        insecure = " (insecure)" if self.insecure else ""
        channel = "" if self.channel is None else f" (channel={self.channel})"
        return f'"{self.type}" image source "{self.url}"{insecure}{channel}'

    @property
    def identity(self) -> tuple[str, str, bool | None, str | None]:
        """What makes two entries the same source."""
        return normalized_url(self.url), self.type, self.insecure, self.channel

    def to_json(self) -> dict[str, Any]:
        """Return the entry as it is saved."""
        entry: dict[str, Any] = {"type": self.type, "url": self.url}
        if self.insecure is not None:
            entry["insecure"] = self.insecure
        if self.channel is not None:
            entry["channel"] = self.channel
        return entry

    @classmethod
    def from_json(cls, entry: object) -> SourceEntry:
        """Read an entry of the configuration; raises ConfigError that says what is wrong."""
        if not isinstance(entry, dict) or not isinstance(url := entry.get("url"), str):
            raise ConfigError('an image source must be an object with a "url"')
        insecure, channel = entry.get("insecure"), entry.get("channel")
        if insecure is not None and not isinstance(insecure, bool):
            raise ConfigError(f'"insecure" of image source "{url}" is not true or false')
        if channel is not None and not isinstance(channel, str):
            raise ConfigError(f'"channel" of image source "{url}" is not a string')
        source = cls(str(entry.get("type", "imgapi")), url, insecure, channel)
        source.check()
        return source

    def check(self) -> None:
        """Raise ConfigError unless type and URL make sense together."""
        if self.type not in SOURCE_TYPES:
            raise ConfigError(f'invalid source type: "{self.type}"')
        if self.type == "docker":
            _check_docker_url(self.url)
            return
        normalized_url(self.url)
        if self.type == "dsapi" and not self.url.endswith(("/datasets", "/datasets/")):
            raise ConfigError(f'"dsapi" source URL does not end with "/datasets": "{self.url}"')


DEFAULT_SOURCE = SourceEntry("imgapi", "https://images.smartos.org")


def normalized_url(url: str) -> str:
    """Return ``url`` as requests and comparisons use it.

    A URL without a scheme is one of ``http``, as the sources that hosts have configured mean it.
    Raises ConfigError if it is no http(s) URL with a host.
    """
    whole = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(whole)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f'invalid source url: "{url}": {error}') from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise ConfigError(f'invalid source url: "{url}": the scheme must be "http" or "https"')
    if not parts.hostname:
        raise ConfigError(f'invalid source url: "{url}": there is no host in it')
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    credentials, at, _ = parts.netloc.rpartition("@")
    location = f"{credentials}{at}{host}"
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        location = f"{location}:{port}"
    path, query, fragment = (
        part.replace(" ", quote(" "))
        for part in (parts.path.removesuffix("/"), parts.query, parts.fragment)
    )
    return urlunsplit((parts.scheme, location, path, query, fragment))


def _check_docker_url(url: str) -> None:
    """Raise ConfigError unless ``url`` names a registry: a host, without a path."""
    scheme, separator, rest = url.rpartition("://")
    if separator and scheme.lower() not in _DEFAULT_PORTS:
        raise ConfigError(f'invalid index scheme, must be "http" or "https": {url}')
    host, _, repository = rest.partition("/")
    if not host:
        raise ConfigError(f"invalid index, empty host: {url}")
    if repository:
        raise ConfigError(f"invalid index, trailing repo: {url}")
    if host != "localhost" and "." not in host and ":" not in host:
        raise ConfigError(f'invalid index, "{url}" does not look like a valid host: {host}')
    if scheme.lower() == "http" and host.lower().split(":")[0].endswith("docker.io"):
        raise ConfigError(f"invalid index, HTTP to official index is disallowed: {url}")
