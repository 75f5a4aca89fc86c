"""Where images come from: what a source is in the configuration, and what it can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from imgadm.errors import ConfigError
from imgadm.manifest.values import display
from imgadm.sources.urls import normalise_url, redact_url

if TYPE_CHECKING:
    import requests


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """A source as configured: ``url`` as it was typed, ``None`` for what was not said.

    ``channel`` is the one that the entry itself, not its URL, names.
    """

    url: str
    type: str = "imgapi"
    insecure: bool | None = None
    channel: str | None = None

    @classmethod
    def from_dict(cls, entry: object) -> SourceConfig:
        """Return the source that an entry of the configuration file describes.

        Raises :class:`ConfigError` for an entry of the wrong shape.
        """
        if not isinstance(entry, dict):
            raise ConfigError(f"image source is not an object: {display(entry)}")
        wanted: Mapping[str, tuple[type, ...]] = {
            "url": (str,),
            "type": (str,),
            "insecure": (bool, type(None)),
            "channel": (str, type(None)),
        }
        values = {"type": "imgapi"} | {name: entry[name] for name in wanted if name in entry}
        for name, types in wanted.items():
            if name in values and not isinstance(values[name], types):
                raise ConfigError(f'"{name}" of image source is invalid: {display(entry)}')
        if "url" not in values:
            raise ConfigError(f'image source has no "url": {display(entry)}')
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of the configuration file."""
        entry: dict[str, Any] = {"type": self.type, "url": self.url}
        if self.insecure is not None:
            entry["insecure"] = self.insecure
        if self.channel is not None:
            entry["channel"] = self.channel
        return entry

    @property
    def normalised_url(self) -> str:
        """The URL for comparison; :class:`ConfigError` if it is none for the type."""
        if self.type == "docker":
            from imgadm.sources.docker.indexes import parse_index

            user, at, _ = self.url.rpartition("://")[2].rpartition("@")
            return user + at + parse_index(self.url).root
        return normalise_url(self.url)

    @property
    def identity(self) -> tuple[str, str, bool | None, str | None]:
        """Equal for two entries that are the same source."""
        return (self.normalised_url, self.type, self.insecure, self.channel)

    @property
    def display(self) -> str:
        """The source in messages."""
        text = f'"{self.type}" image source "{redact_url(self.url)}"'
        if self.insecure:
            text += " (insecure)"
        if self.channel:
            text += f" (channel={self.channel})"
        return text


@dataclass(frozen=True, slots=True)
class FileRequest:
    """How to fetch the file of an image: a GET of ``url`` with ``headers`` added.

    ``session`` belongs to the source and is closed with it. It follows redirects by our rules
    and has time limits; :class:`imgadm.sources.session.RefusedRedirectError` and
    :class:`requests.TooManyRedirects` are for good, other exceptions worth another try.
    ``patience`` is how many seconds nothing may come, where that is limited.
    """

    url: str
    session: requests.Session
    headers: Mapping[str, str]
    patience: float | None = None


class Source(ABC):
    """One image source. Methods raise :class:`imgadm.sources.errors.SourceError`.

    Usable from several threads. Nothing is requested before the first call.
    """

    def __init__(self, config: SourceConfig) -> None:
        self.config = config

    @property
    def url(self) -> str:
        """The URL as it was typed, without its password."""
        return redact_url(self.config.url)

    @property
    @abstractmethod
    def channel(self) -> str | None:
        """The channel that requests name."""

    @abstractmethod
    def ping(self) -> None:
        """Raise :class:`imgadm.errors.SourcePingError` unless this is a source of its type."""

    @abstractmethod
    def list_images(self) -> list[dict[str, Any]]:
        """Return the manifests of all images on offer, as received or in the current format."""

    @abstractmethod
    def get_image(self, uuid: str) -> dict[str, Any] | None:
        """Return the manifest of an image, ``None`` if it is not in this source.

        What is not a UUID is in no source, and nobody is asked.
        """

    @abstractmethod
    def file_request(self, uuid: str) -> FileRequest:
        """Return how to fetch the file of an image that :meth:`get_image` found."""

    @abstractmethod
    def close(self) -> None:
        """End all connections. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
