"""The list of the images in a directory pool, made from their records and directories."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from imgadm.base.errors import FileSystemError
from imgadm.base.logs import logger
from imgadm.base.patterns import is_uuid
from imgadm.pools.directory.contents import is_trusted_link
from imgadm.pools.directory.record import RECORD, read_record
from imgadm.pools.images import InstalledImage
from imgadm.state.summaries import Summary, read_summaries


class DirectoryImages:
    """The images in the directory ``path``.

    Their summaries are kept in ``cache_directory``, if that is given. The log gets one warning
    about each image that this user may not read.
    """

    def __init__(self, path: Path, cache_directory: Path | None) -> None:
        self._path = path
        self._name = str(path)
        self._cache_directory = cache_directory
        self._told: set[str] = set()

    def get(self, uuid: str) -> InstalledImage | None:
        """Return the image ``uuid`` as its record describes it; raises FileSystemError."""
        if not self.is_directory(self._path / uuid):
            return None
        denied: list[str] = []
        image = read_record(self._name, uuid, denied.append)
        self._tell_of_denied(denied)
        return image

    def all(self) -> list[InstalledImage]:
        """Return all images, as their records describe them, with their clones.

        Raises FileSystemError.
        """
        return self._without_denied(*self._read())

    def summaries(self) -> list[InstalledImage]:
        """Return all images with their clones; manifests have at least the members in FIELDS.

        Raises FileSystemError.
        """
        return self._without_denied(*self._read_summaries())

    def _without_denied(
        self, found: list[InstalledImage], denied: list[str]
    ) -> list[InstalledImage]:
        self._tell_of_denied(denied)
        return found

    def clones(self, uuid: str) -> tuple[Sequence[str], Sequence[str]]:
        """Return the UUIDs of images that are based on ``uuid``, and of those that may be.

        The latter are images whose records this user may not read. An image with a damaged record
        that names the image itself as its origin is not its own clone. Raises FileSystemError.
        """
        found, denied = self._read_summaries()
        based = [
            image.uuid
            for image in found
            if image.manifest.get("origin") == uuid and image.uuid != uuid
        ]
        return based, [other for other in denied if self._may_be_based(other, uuid)]

    def _read(self) -> tuple[list[InstalledImage], list[str]]:
        """Return all images, and the UUIDs of those that this user may not read."""
        denied: list[str] = []
        records = (read_record(self._name, uuid, denied.append) for uuid in self._uuids())
        return self._with_clones(self._present(records)), denied

    def _read_summaries(self) -> tuple[list[InstalledImage], list[str]]:
        """Return the same with summaries in place of records."""
        denied: list[str] = []
        found = self._present(self._summarized(self._uuids(), denied))
        return self._with_clones(found), denied

    def _with_clones(self, found: list[InstalledImage]) -> list[InstalledImage]:
        clones: dict[str, list[str]] = {}
        for image in found:
            origin = image.manifest.get("origin")
            if isinstance(origin, str):
                clones.setdefault(origin, []).append(f"{self._name}/{image.uuid}")
        for image in found:
            image.clones = tuple(clones.get(image.uuid, ()))
        return found

    def _tell_of_denied(self, denied: Sequence[str]) -> None:
        """Warn of the images that this user may not read, in one line, and of each only once."""
        untold = sorted(set(denied) - self._told)
        self._told.update(untold)
        if len(untold) > 1:
            logger().warning(
                f'{len(untold)} images in "{self._path}" belong to other users, and you may not '
                "read them"
            )
        elif untold:
            logger().warning(
                f'image {untold[0]} in "{self._path}" belongs to {self._owner(untold[0])}, and you '
                "may not read it"
            )

    def _owner(self, uuid: str) -> str:
        try:
            return f"user {(self._path / uuid).stat().st_uid}"
        except OSError:
            return "another user"

    def _uuids(self) -> list[str]:
        try:
            with os.scandir(self._path) as entries:
                return sorted(e.name for e in entries if is_uuid(e.name) and self._is_image(e))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise unusable_pool(self._path, error) from error

    def _is_image(self, entry: os.DirEntry[str]) -> bool:
        if entry.is_symlink():
            return self.is_directory(self._path / entry.name)
        return entry.is_dir(follow_symlinks=False)

    def _present(self, images: Iterable[InstalledImage]) -> list[InstalledImage]:
        """Return ``images`` without those that another process has deleted meanwhile."""
        return [
            image
            for image in images
            if len(image.manifest) > 1 or self.is_directory(self._path / image.uuid)
        ]

    def _summarized(self, uuids: Sequence[str], denied: list[str]) -> Iterator[InstalledImage]:
        def read(name: str) -> Summary | None:
            image = read_record(self._name, name.partition("/")[0], denied.append)
            return Summary(image.manifest, image.source) if len(image.manifest) > 1 else None

        names = [f"{uuid}/{RECORD}" for uuid in uuids]
        summaries = read_summaries(self._name, self._name, names, read, self._cache_directory)
        for uuid, summary in zip(uuids, summaries, strict=True):
            if summary is None:
                yield InstalledImage({"uuid": uuid}, self._name)
            else:
                yield InstalledImage(summary.manifest, self._name, summary.source)

    def _may_be_based(self, denied: str, uuid: str) -> bool:
        """Tell whether an image that this user may not read can be based on ``uuid``.

        It can if its owner is able to read ``uuid``.
        """
        if denied == uuid:
            return False
        try:
            owner, origin = (self._path / denied).stat().st_uid, (self._path / uuid).stat()
        except FileNotFoundError:
            return False
        return owner in (0, origin.st_uid) or origin.st_mode & 0o077 != 0

    def is_directory(self, path: Path) -> bool:
        """Tell whether ``path`` is a directory or a trusted link to one; raises FileSystemError."""
        try:
            here = path.lstat()
            if stat.S_ISLNK(here.st_mode):
                return is_trusted_link(here, self._path) and stat.S_ISDIR(path.stat().st_mode)
            return stat.S_ISDIR(here.st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise unusable_pool(self._path, error) from error


def unusable_pool(path: Path, error: OSError) -> FileSystemError:
    """Return the error for a directory that cannot be used as a pool."""
    return FileSystemError(
        f'cannot use "{path}" as a pool: {error.strerror}; make it a directory that you may write '
        "to, or name another with -P",
        code=errno.errorcode.get(error.errno or 0),
        cause=error,
    )
