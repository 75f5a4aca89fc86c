"""The interface of all image sources."""

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
    """The request that transfers the file of an image: ``url`` with ``headers`` added.

    ``url`` may have secrets in its query, so it must not be shown. ``session`` belongs to the
    source, is closed with it, and has the source's rules for redirects and time limits.
    ``patience`` is the longest time without a byte, in seconds, ``None`` for the default.
    """

    url: str = field(repr=False)
    session: requests.Session
    headers: Mapping[str, str] = field(repr=False)
    patience: float | None = None


class Source(ABC):
    """One image source.

    Methods raise :class:`imgadm.client.errors.SourceError`. Usable from several threads. Nothing is
    requested before the first call.
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
        """The channel that requests name, None for the default one."""

    @abstractmethod
    def ping(self) -> None:
        """Ask the server whether it is a source of this type.

        Raises :class:`imgadm.sources.errors.SourcePingError` if it is not, or does not answer.
        """

    @abstractmethod
    def list_images(self) -> list[dict[str, Any]]:
        """Return the manifests of all images that the source offers.

        They are as the server sent them, or in the current format.
        """

    @abstractmethod
    def get_image(self, uuid: str) -> dict[str, Any] | None:
        """Return the manifest of an image; ``None`` if the source does not have it.

        For a ``uuid`` that is no UUID it returns ``None`` without a request.
        """

    @abstractmethod
    def file_request(self, uuid: str) -> FileRequest:
        """Return how to download the file of an image that :meth:`get_image` found."""

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
