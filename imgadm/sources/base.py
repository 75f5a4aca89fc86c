"""Where images come from: what a source is in the configuration, and what it can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from imgadm.base.errors import ConfigError
from imgadm.base.redaction import SecretUrl
from imgadm.base.urls import normalise_url, shown_value, with_scheme

if TYPE_CHECKING:
    import requests


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """A source as configured: ``url`` as it was typed, ``None`` for what was not said.

    As a text, ``url`` is without its secrets; ``url.reveal()`` has them. ``channel`` is the one
    that the entry itself, not its URL, names. ``extra`` are the keys of the entry that we do not
    know; they have no part in a comparison.
    """

    url: SecretUrl
    type: str = "imgapi"
    insecure: bool | None = None
    channel: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Keep the URL as one that hides its secrets, even if it came as a plain text."""
        object.__setattr__(self, "url", SecretUrl(self.url))

    @classmethod
    def from_dict(cls, entry: object) -> SourceConfig:
        """Return the source that an entry of the configuration file describes.

        Raises :class:`ConfigError` for an entry of the wrong shape.
        """
        if not isinstance(entry, dict):
            raise ConfigError(f"image source is not an object: {shown_value(entry)}")
        wanted: Mapping[str, tuple[type, ...]] = {
            "url": (str,),
            "type": (str,),
            "insecure": (bool, type(None)),
            "channel": (str, type(None)),
        }
        values = {"type": "imgapi"} | {name: entry[name] for name in wanted if name in entry}
        for name, types in wanted.items():
            if name in values and not isinstance(values[name], types):
                raise ConfigError(f'"{name}" of image source is invalid: {shown_value(entry)}')
        if "url" not in values:
            raise ConfigError(f'image source has no "url": {shown_value(entry)}')
        values["url"] = SecretUrl(values["url"])
        return cls(**values, extra={key: entry[key] for key in entry if key not in wanted})

    @classmethod
    def at(
        cls,
        url: str,
        type_: str = "imgapi",
        *,
        insecure: bool | None = None,
        channel: str | None = None,
    ) -> Self:
        """Return the source at a URL that an operator typed: https, if it has no scheme.

        Registries have a rule of their own, so their URLs stay as they are.
        """
        typed = url if type_ == "docker" else with_scheme(url)
        return cls(SecretUrl(typed), type_, insecure, channel)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of the configuration file, with the secrets in its URL."""
        entry: dict[str, Any] = {"type": self.type, "url": self.url.reveal()}
        if self.insecure is not None:
            entry["insecure"] = self.insecure
        if self.channel is not None:
            entry["channel"] = self.channel
        return {**entry, **self.extra}

    @property
    def normalised_url(self) -> SecretUrl:
        """The URL for comparison; :class:`ConfigError` if it is none for the type."""
        typed = self.url.reveal()
        if self.type == "docker":
            from imgadm.registry.references.indexes import parse_index

            root = parse_index(typed).root
            scheme, _, host = root.partition("://")
            user, at, _ = typed.rpartition("://")[2].rpartition("@")
            return SecretUrl(f"{scheme}://{user}{at}{host}")
        return SecretUrl(normalise_url(typed))

    @property
    def identity(self) -> tuple[SecretUrl, str, bool | None, str | None]:
        """Equal for two entries that are the same source."""
        return (self.normalised_url, self.type, self.insecure, self.channel)

    @property
    def display(self) -> str:
        """The source in messages."""
        text = f'"{self.type}" image source "{self.url}"'
        if self.insecure:
            text += " (insecure)"
        if self.channel:
            text += f" (channel={self.channel})"
        return text


@dataclass(frozen=True, slots=True)
class FileRequest:
    """How to fetch the file of an image: a GET of ``url`` with ``headers`` added.

    ``url`` may have secrets in its query: it is for the request, and not to be shown.
    ``session`` belongs to the source and is closed with it. It follows redirects by our rules
    and has time limits; :class:`imgadm.client.session.RefusedRedirectError` and
    :class:`requests.TooManyRedirects` are for good, other exceptions worth another try.
    ``patience`` is how many seconds nothing may come, where that is limited.
    """

    url: str = field(repr=False)
    session: requests.Session
    headers: Mapping[str, str] = field(repr=False)
    patience: float | None = None


class Source(ABC):
    """One image source. Methods raise :class:`imgadm.client.errors.SourceError`.

    Usable from several threads. Nothing is requested before the first call.
    """

    def __init__(self, config: SourceConfig) -> None:
        self.config = config

    @property
    def url(self) -> str:
        """The URL as it was typed, without its secrets."""
        return str(self.config.url)

    @property
    @abstractmethod
    def channel(self) -> str | None:
        """The channel that requests name."""

    @abstractmethod
    def ping(self) -> None:
        """Raise :class:`imgadm.base.errors.SourcePingError` unless this is a source of its type."""

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
