"""The steps of every import: look at the pool, look up, lock, look again, check, receive.

:func:`run_import` takes these steps in this order, whatever is imported. An :class:`ImportRequest`
says which image is wanted, what it is based on, and where its bytes come from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from imgadm.base.errors import ImgadmError
from imgadm.base.locks.command_locks import Locks
from imgadm.manifest import Manifest
from imgadm.operations.errors import OriginNotInstalledError
from imgadm.operations.events.event import LockAwaited, OnEvent
from imgadm.operations.events.importing import Aborting, AlreadyInstalled, InstalledMeanwhile
from imgadm.operations.importing.preconditions import check_limits, check_space, size_of_files
from imgadm.operations.importing.receive_layers import make_root
from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage


@dataclass(frozen=True)
class ImportOptions:
    """How an import locks, and what it accepts.

    ``zstream`` means that the source sends each image as an uncompressed ZFS stream, as a host does
    that serves the images of its zpools. Its length and its checksum are not known beforehand.
    ``unverified`` accepts a file for which neither the manifest nor the server has a checksum.
    ``verify_origins`` refuses to import on top of an installed image unless the source proves that
    it has the same image. A connection that brings nothing for ``stall_timeout`` seconds is
    resumed.
    """

    locks: Locks
    zstream: bool = False
    verify_origins: bool = False
    unverified: bool = False
    stall_timeout: float = 30.0


@dataclass(frozen=True)
class ImportChain:
    """The images that an import has to bring, and the installed image below them.

    ``missing`` begins with the wanted image. Each is followed by the one that it is based on.
    ``base`` is the UUID of the installed image below the last of them, None if there is none.
    """

    missing: Sequence[Manifest]
    base: str | None


class ImportRequest(ABC):
    """One image that is wanted on a pool, and where its bytes come from."""

    uuid: str
    """The UUID of the wanted image."""

    registry: str | None = None
    """The URL of the registry that said which image is wanted, None if no registry did."""

    def check_installed(self) -> None:
        """Raise an ImgadmError unless the installed image under this UUID is the wanted one."""

    def manifest_for(self, installed: InstalledImage) -> Mapping[str, Any]:
        """Return the manifest that the pool should record of the ``installed`` image."""
        return installed.manifest

    def begin_completion(self) -> None:
        """Tell the listener that the installed image is about to get the root that it lacks."""

    @abstractmethod
    def look_up(self) -> ImportChain:
        """Return the images to receive, if the wanted image is not installed.

        No lock is held yet. Raises an ImgadmError for everything that makes the import impossible
        and can be known without a lock.
        """

    def check(self, missing: Sequence[Manifest]) -> None:
        """Raise an ImgadmError if it is plain that the ``missing`` images can't be received."""

    def least_size(self, missing: Sequence[Manifest]) -> int:
        """Return the size of the files of the ``missing`` images in bytes, as far as known."""
        return size_of_files(missing)

    @abstractmethod
    def receive(self, missing: Sequence[Manifest]) -> None:
        """Receive the ``missing`` images, base first; all of them are locked.

        Each appears on the pool whole or not at all. Raises an ImgadmError.
        """


def run_import(
    pool: Pool, request: ImportRequest, options: ImportOptions, on_event: OnEvent
) -> None:
    """Bring the image that ``request`` wants to ``pool``, with all that it is based on.

    Nothing is looked up for an image that is installed already. If it lacks its root, or its record
    lacks something, it gets that. This is decided under its lock, also for an image that another
    process has installed meanwhile. Raises an ImgadmError. An error leaves those images of the
    chain that are complete, and nothing else.
    """
    if _complete_installed(pool, request, options, on_event):
        return
    chain = request.look_up()
    with _locked(pool, chain, options, on_event):
        if pool.get(request.uuid) is not None:
            if not _complete_locked(pool, request, on_event):
                on_event(InstalledMeanwhile(chain.missing[0]))
            return
        missing = [image for image in chain.missing if pool.get(image.uuid) is None]
        try:
            check_limits(missing)
            request.check(missing)
            pool.check()
            check_space(pool, request.least_size(missing))
            request.receive(missing[::-1])
        except ImgadmError as error:
            on_event(Aborting(error.message))
            raise


def _complete_installed(
    pool: Pool, request: ImportRequest, options: ImportOptions, on_event: OnEvent
) -> bool:
    """Complete the wanted image if it is installed; return whether it is.

    The image is locked only if it lacks something.
    """
    installed = pool.get(request.uuid)
    if installed is None:
        return False
    request.check_installed()
    lacks_root = pool.lacks_root(installed)
    if lacks_root or request.manifest_for(installed) != installed.manifest:
        if lacks_root:
            request.begin_completion()
        with _lock(pool, request.uuid, options, on_event):
            if pool.get(request.uuid) is None:  # another process has deleted it
                return False
            if _complete_locked(pool, request, on_event):
                return True
    on_event(AlreadyInstalled(installed, request.registry))
    return True


def _complete_locked(pool: Pool, request: ImportRequest, on_event: OnEvent) -> bool:
    """Give the wanted image, which is installed and locked, the root and the record it lacks.

    Return whether it lacked a root. After an ImgadmError the image is unchanged.
    """
    request.check_installed()
    installed = _installed(pool, request.uuid)
    lacked_root = pool.lacks_root(installed)
    if lacked_root:
        pool.check()
        make_root(pool, installed, Manifest.of(request.manifest_for(installed)), on_event)
        installed = _installed(pool, request.uuid)
    wanted = request.manifest_for(installed)
    if wanted != installed.manifest:
        pool.record(installed, wanted, source=installed.source)
    return lacked_root


def _installed(pool: Pool, uuid: str) -> InstalledImage:
    installed = pool.get(uuid)
    assert installed is not None, "the caller has seen it under its lock"
    return installed


@contextmanager
def _locked(
    pool: Pool, chain: ImportChain, options: ImportOptions, on_event: OnEvent
) -> Iterator[None]:
    """Hold the locks of ``chain``, the wanted image's first.

    All imports lock in this order, so that no two of them wait for each other. The base gets a
    shared lock, so that no process can delete it meanwhile. Raises OriginNotInstalledError for a
    base that is not installed, and for one that is its own child.
    """
    with ExitStack() as locks:
        for image in chain.missing:
            locks.enter_context(_lock(pool, image.uuid, options, on_event))
            if image.uuid == chain.base:
                raise OriginNotInstalledError(chain.base, pool.name)
        if chain.base is not None:
            locks.enter_context(_lock(pool, chain.base, options, on_event, shared=True))
            if pool.get(chain.base) is None:
                raise OriginNotInstalledError(chain.base, pool.name)
        yield


def _lock(
    pool: Pool, uuid: str, options: ImportOptions, on_event: OnEvent, *, shared: bool = False
) -> AbstractContextManager[None]:
    return options.locks.image(
        pool, uuid, shared=shared, on_wait=lambda holder: on_event(LockAwaited(uuid, holder))
    )
