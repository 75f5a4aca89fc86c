"""Where images come from: what a source is in the configuration, and what it can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from imgadm.state.source_config import SourceConfig

if TYPE_CHECKING:
    import requests


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
