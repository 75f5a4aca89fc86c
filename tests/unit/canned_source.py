"""A source whose answers are made by a function, without a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imgadm.sources import FileRequest, Source
from imgadm.state.source_config import SourceConfig


class Canned(Source):
    """A source whose answers a function makes."""

    def __init__(self, url: str, answer: Callable[[str], dict[str, Any] | None]) -> None:
        super().__init__(SourceConfig(url))
        self.asked: list[str] = []
        self._answer = answer

    def get_image(self, uuid: str) -> dict[str, Any] | None:
        self.asked.append(uuid)
        return self._answer(uuid)

    @property
    def channel(self) -> str | None:
        return None

    def ping(self) -> None:
        raise NotImplementedError

    def list_images(self) -> list[dict[str, Any]]:
        raise NotImplementedError

    def file_request(self, uuid: str) -> FileRequest:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def manifest_of(uuid: str) -> dict[str, Any]:
    return {"v": 2, "uuid": uuid, "name": "some", "version": "1"}
