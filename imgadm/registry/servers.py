"""The servers that have a repository: mirrors first, its registry last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from imgadm.base.errors import ImgadmError
from imgadm.base.logs import logger
from imgadm.client.errors import UnreachableError
from imgadm.registry.repository import RemoteRepository

_Answer = TypeVar("_Answer")


class RepositoryServers:
    """The same repository at several servers, in the order in which they are asked.

    ``repositories``: the one at the registry itself comes last. If a mirror fails, the next server
    is asked. A mirror that cannot be reached is not asked again, because each further request could
    take as long to fail.
    """

    def __init__(self, repositories: Sequence[RemoteRepository]) -> None:
        self.repositories = tuple(repositories)

    @property
    def origin(self) -> RemoteRepository:
        """The repository at the registry itself."""
        return self.repositories[-1]

    def ask(self, question: Callable[[RemoteRepository], _Answer]) -> _Answer:
        """Return the answer of the first server for which ``question`` does not raise.

        Raises what ``question`` raises for the registry itself, the last server.
        """
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
        """End all connections."""
        for repository in self.repositories:
            repository.close()
