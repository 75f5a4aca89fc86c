"""Layers on their way into a directory pool.

Every image keeps its layer as it came. The image that the user asked for also gets a root, into
which all layers up to its own are unpacked, first the installed ones and then those that arrive.
The root is made in the partial directory of that image. The images of the lower layers appear in
the pool while it grows.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from imgadm.base.errors import FileSystemError, InternalError
from imgadm.base.files.creation import unique_name
from imgadm.base.files.open_limit import allow_deep_trees
from imgadm.base.files.replacement import sync_file_system
from imgadm.base.locks.locks import remove_dead_locks
from imgadm.base.signals import signals_held_back
from imgadm.pools.directory.access import read_access
from imgadm.pools.directory.contents import LAYER, OWNERS, ROOT
from imgadm.pools.directory.partial import PartialDirectory, remove_partials
from imgadm.pools.directory.record import RECORD, write_record
from imgadm.pools.disk_copy import copy_disk
from imgadm.pools.images import InstalledImage
from imgadm.pools.layers import LayerFacts, StoredLayer, make_root_directory
from imgadm.pools.reception import LayerReception, beginning

if TYPE_CHECKING:
    from imgadm.pools.base import Pool

_T = TypeVar("_T")


class DirectoryLayerReception(LayerReception):
    """A reception of layers; see :meth:`imgadm.pools.base.Pool.receive_layers`."""

    def __init__(
        self,
        pool: Pool,
        path: Path,
        manifests: Sequence[dict[str, Any]],
        source: str | None,
        base: InstalledImage | None,
    ) -> None:
        self._pool = pool
        self._path = path
        self._manifests = {str(manifest["uuid"]): manifest for manifest in manifests}
        self._source = source
        self._beneath = [] if base is None else _chain(pool, path, base)
        self._pending = list(self._manifests)
        self._head = self._pending[-1] if self._pending else self._beneath[-1].image.uuid
        self._access = read_access(path)
        self._partials: dict[str, PartialDirectory] = {}
        allow_deep_trees()
        action = f'cannot receive image {self._head} into "{path}"'
        with beginning(self.roll_back, action):
            remove_dead_locks(path)
            for uuid in {*self._pending, self._head}:
                remove_partials(path, uuid)
            self._directory = self._partial(self._head).inside
            # The name is unique: a fetch that is left behind must not write into a later room.
            self.waiting_room = self._directory / unique_name("waiting", ".", "")
            self.waiting_room.mkdir()
            make_root_directory(self._directory / ROOT)

    def _partial(self, uuid: str) -> PartialDirectory:
        """Return the directory in which an image is until it is whole."""
        if uuid not in self._partials:
            self._partials[uuid] = PartialDirectory(self._path, uuid, self._access)
        return self._partials[uuid]

    def beneath(self) -> Sequence[StoredLayer]:
        return self._beneath

    def find(self, digest: str) -> Path | None:
        image = self._kept.get(digest)
        return None if image is None else self._path / image.uuid / LAYER

    @cached_property
    def _kept(self) -> dict[str, InstalledImage]:
        """The images that keep their layer, by its digest as it was computed on arrival."""
        kept = {}
        for summary in self._pool.summaries(frozenset({"type"})):
            if summary.manifest.get("type") != "docker":
                continue
            image = self._pool.get(summary.uuid)
            if image is not None and (self._path / image.uuid / LAYER).is_file():
                with contextlib.suppress(InternalError):
                    kept[LayerFacts.of(image).digest] = image
        return kept

    def begin(self, uuid: str | None) -> Path:
        return self._directory / ROOT

    def commit(self, uuid: str, blob: Path, facts: LayerFacts, *, keep: bool) -> None:
        final = self._path / uuid
        action = f'cannot write image {uuid} into "{self._path}"'
        partial = self._doing(lambda: self._partial(uuid), action)
        self._doing(partial.check, action)
        self._doing(lambda: self._place(blob, partial.inside / LAYER, keep=keep), action)
        manifest = self._manifests[uuid]
        write_record(partial.inside, self._pool.name, manifest, self._source, facts.record)
        if uuid == self._head:
            self._doing(self._finish_head, action)
        with signals_held_back():
            self._doing(lambda: partial.commit(RECORD, LAYER), f'cannot rename to "{final}"')
            self._pending.remove(uuid)

    def _place(self, blob: Path, layer: Path, *, keep: bool) -> None:
        if keep:
            copy_disk(blob, layer)
            with layer.open("rb") as file:
                os.fsync(file.fileno())
        else:
            blob.rename(layer)

    def _finish_head(self) -> None:
        shutil.rmtree(self.waiting_room)
        sync_file_system(self._directory)

    def commit_root(self) -> None:
        final = self._path / self._head
        self._doing(self._finish_head, f'cannot write "{self._partial(self._head).path}"')
        with signals_held_back():
            self._doing(lambda: self._add_root(final), f'cannot rename to "{final / ROOT}"')

    def _add_root(self, final: Path) -> None:
        descriptor = os.open(final, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            owner = os.fstat(descriptor).st_uid
            if owner != os.geteuid():
                # That user could run the set-uid programs in a root that this user has made.
                reason = f"the image belongs to user {owner}; delete it, or import it as that user"
                raise PermissionError(errno.EPERM, reason)
            # Other users of this host must not be able to run the set-uid programs in an image.
            self._access.apply_to_directory(descriptor, has_root=True)
            if (self._directory / OWNERS).exists():
                os.rename(self._directory / OWNERS, OWNERS, dst_dir_fd=descriptor)
            os.rename(self._directory / ROOT, ROOT, dst_dir_fd=descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _doing(self, step: Callable[[], _T], failure: str) -> _T:
        try:
            return step()
        except OSError as error:
            raise FileSystemError.from_os_error(failure, error) from error

    def roll_back(self) -> None:
        for partial in self._partials.values():
            partial.close()


def _chain(pool: Pool, path: Path, head: InstalledImage) -> list[StoredLayer]:
    """Return the layers of ``head``, base first; raises InternalError if one is missing."""
    layers: list[StoredLayer] = []
    image: InstalledImage | None = head
    while image is not None:
        if any(image.uuid == layer.image.uuid for layer in layers):
            raise InternalError(f'image "{image.uuid}" is recorded as its own origin')
        file = path / image.uuid / LAYER
        facts = LayerFacts.of(image)
        if not file.is_file():
            raise InternalError(
                f'"{file}" is gone; delete image "{image.uuid}" and import it again'
            )
        layers.append(StoredLayer(image, file, facts))
        origin = image.manifest.get("origin")
        if origin is None:
            break
        image = pool.get(origin)
        if image is None:
            raise InternalError(f'image "{layers[-1].image.uuid}" has lost its origin "{origin}"')
    return layers[::-1]
