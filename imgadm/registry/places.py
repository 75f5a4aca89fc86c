"""A repository wherever it can be had: at mirrors first, at its registry last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from imgadm.base.errors import ImgadmError
from imgadm.base.logs import logger
from imgadm.client.errors import UnreachableError
from imgadm.registry.repository import RemoteRepository

_Answer = TypeVar("_Answer")


class Places:
    """The same repository at several servers, best first. One that fails is passed over.

    A mirror that does not answer is not asked again: to wait for it may take as long each time.
    """

    def __init__(self, repositories: Sequence[RemoteRepository]) -> None:
        self.repositories = tuple(repositories)

    @property
    def origin(self) -> RemoteRepository:
        """The repository at the registry itself."""
        return self.repositories[-1]

    def ask(self, question: Callable[[RemoteRepository], _Answer]) -> _Answer:
        """Return the first answer that is one. What the registry itself raises is raised."""
        for mirror in self.repositories[:-1]:
            try:
                return question(mirror)
            except ImgadmError as error:
                logger("source").info("passing over a mirror: %s", error.message)
                if isinstance(error, UnreachableError):
                    self._give_up(mirror)
        return question(self.origin)

    def _give_up(self, mirror: RemoteRepository) -> None:
        self.repositories = tuple(at for at in self.repositories if at is not mirror)
        mirror.close()

    def close(self) -> None:
        for repository in self.repositories:
            repository.close()
