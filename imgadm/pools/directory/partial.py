"""The directory of an image on its way into a directory pool, until the image is whole.

``POOL/UUID.XXXXXXXX.partial`` has a unique name, and only its owner can look into it. Its process
holds the lock of the image in the pool. So a partial directory that a process finds after it has
got this lock was left by a dead process.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

from imgadm.base.files.creation import unique_name
from imgadm.base.files.opening import is_same_file, open_directory, open_regular, pinned_path
from imgadm.base.files.replacement import sync_directory
from imgadm.base.logs import logger
from imgadm.base.patterns import is_uuid
from imgadm.pools.directory.access import Access

_PRIVATE = 0o700
_PROBE = ".probe"
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PARTIAL = re.compile(r"(?:\.[0-9a-f]{8})?\.partial")
"""The end of the name; earlier versions called the directory ``UUID.partial``."""
_UUID_LENGTH = 36


def partial_name(uuid: str) -> str:
    """Return a unique name for a directory that is not an image yet, or no longer one."""
    return unique_name(uuid, ".", ".partial")


def image_of_partial(name: str) -> str | None:
    """Return the UUID of the image whose partial directory has this name; ``None`` if none."""
    uuid = name[:_UUID_LENGTH]
    return uuid if _PARTIAL.fullmatch(name, _UUID_LENGTH) and is_uuid(uuid) else None


def remove_partials(pool: Path, uuid: str) -> None:
    """Remove what dead processes have left of an image; never raises.

    The caller holds the lock of the image.
    """
    try:
        with os.scandir(pool) as entries:
            names = [entry.name for entry in entries]
        directory = open_directory(pool)
    except OSError:
        return
    try:
        for name in names:
            if image_of_partial(name) == uuid:
                _remove_tree(name, directory, pool / name)
    finally:
        os.close(directory)


def _remove_tree(name: str, directory: int, path: Path) -> None:
    """Remove ``name``, with all below it, from an open ``directory``; ``path`` is its full path.

    Of a link only the link itself is removed. If anything stays, a warning says that.
    """
    import shutil

    try:
        if not stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=directory)
        elif shutil.rmtree.avoids_symlink_attacks:
            shutil.rmtree(name, ignore_errors=True, dir_fd=directory)
        else:
            shutil.rmtree(path, ignore_errors=True)
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return
    except OSError:  # it stays, as it does if rmtree has ignored an error
        pass
    logger().warning(f'could not remove "{path}"; remove it by hand')


class PartialDirectory:
    """A new directory for the image ``uuid`` in ``pool``, kept open.

    ``path`` is its path, for messages. Everything that happens in the directory happens below
    ``inside``, which leads to the open directory: another user who may write to the pool could put
    something else at ``path``. ``access`` is the access that the image gets at the commit.

    Raises OSError. The caller has to call :meth:`close` at the end, which removes the directory
    unless :meth:`commit` has succeeded.
    """

    def __init__(self, pool: Path, uuid: str, access: Access) -> None:
        self._uuid = uuid
        self._access = access
        self._name = partial_name(uuid)
        self.path = pool / self._name
        self.final = pool / uuid
        self._pool = open_directory(pool)
        self.descriptor = -1
        try:
            os.mkdir(self._name, _PRIVATE, dir_fd=self._pool)
            self.descriptor = os.open(self._name, _OPEN, dir_fd=self._pool)
            # Neither the umask nor a set-group-id bit of the pool may change the modes below.
            os.fchmod(self.descriptor, _PRIVATE)
            self.inside = Path(pinned_path(self.descriptor, self.path))
            if not self._is_ours():
                raise self._lost(self._name)
        except BaseException:
            self.close()
            raise

    def make_file(self, name: str) -> None:
        """Make an empty file that only its owner can read; raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(name, flags, 0o600, dir_fd=self.descriptor))

    def check(self) -> None:
        """Raise FileNotFoundError unless the directory still is where it was made."""
        self._check_place(self._name)

    def commit(self, *needed: str) -> None:
        """Rename the directory to its final name, durably; the caller has synced the files in it.

        Raises OSError, also if a file of ``needed`` is missing, and FileExistsError if something
        has the final name already.
        """
        self.check()
        self._open_to_others(needed)
        self.check()
        try:
            os.stat(self._uuid, dir_fd=self._pool, follow_symlinks=False)
        except FileNotFoundError:
            pass
        else:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self.final))
        os.fsync(self.descriptor)
        os.rename(self._name, self._uuid, src_dir_fd=self._pool, dst_dir_fd=self._pool)
        self._check_place(self._uuid)
        sync_directory(self.final.parent)
        self._release()

    def close(self) -> None:
        """Close the directory, and remove it unless it has its final name; never raises."""
        if self.descriptor >= 0 and is_same_file(os.fstat(self.descriptor), self._name, self._pool):
            _remove_tree(self._name, self._pool, self.path)
        self._release()

    def _open_to_others(self, needed: tuple[str, ...]) -> None:
        has_root = False
        with os.scandir(self.descriptor) as entries:
            names = {entry.name for entry in entries}
        for name in names.union(needed):
            if stat.S_ISDIR(os.stat(name, dir_fd=self.descriptor, follow_symlinks=False).st_mode):
                has_root = True
                continue
            file = open_regular(name, dir_fd=self.descriptor)
            try:
                self._access.apply_to_file(file)
            finally:
                os.close(file)
        self._access.apply_to_directory(self.descriptor, has_root=has_root)

    def _is_ours(self) -> bool:
        """Tell whether the directory belongs to the same user as a new file in it.

        A file server may map root to another user. An error for files that cannot get the group of
        ``access`` is raised here too, before the first byte has arrived.
        """
        self.make_file(_PROBE)
        try:
            probe = open_regular(_PROBE, dir_fd=self.descriptor)
            try:
                self._access.apply_to_file(probe)
                return os.fstat(probe).st_uid == os.fstat(self.descriptor).st_uid
            finally:
                os.close(probe)
        finally:
            os.unlink(_PROBE, dir_fd=self.descriptor)

    def _check_place(self, name: str) -> None:
        if not is_same_file(os.fstat(self.descriptor), name, self._pool):
            raise self._lost(name)

    def _lost(self, name: str) -> OSError:
        reason = "another process has removed what this one received, or put its own there"
        return FileNotFoundError(errno.ENOENT, reason, str(self.path.with_name(name)))

    def _release(self) -> None:
        for descriptor in (self.descriptor, self._pool):
            if descriptor >= 0:
                os.close(descriptor)
        self.descriptor = self._pool = -1
