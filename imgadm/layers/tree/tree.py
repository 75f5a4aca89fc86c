"""The tree that layers are unpacked into: its directories, open, and nothing outside of it.

Every directory is opened component by component, relative to the descriptor of the one above it and
without following links. A link in the middle of a path is resolved here, as it would be inside a
container whose root this is: absolute ones start at the root again, and ``..`` ends there. So
whatever an archive names, and whatever an earlier layer has left, stays below the root.
"""

from __future__ import annotations

import errno
import os
from collections import OrderedDict
from dataclasses import dataclass

from imgadm.base.text import excerpt
from imgadm.layers.errors import LayerError
from imgadm.layers.limits import Limits
from imgadm.layers.paths import join
from imgadm.layers.tree import acls
from imgadm.layers.tree.path_set import PathSet
from imgadm.layers.whiteouts import is_marker

OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

_MOST_LINKS = 40
"""Links that one path may go through, as in the kernel."""

_MOST_STEPS = 1024
"""Components that one path may have in all, those of its links included."""

_MOST_OPEN = 64
"""Directories that stay open."""

NOT_A_DIRECTORY = {errno.ENOTDIR, errno.ELOOP, errno.EMLINK}
"""What the kernels say of a component that is a link, or no directory."""

_DEFAULT_MODE = 0o755


class LowerLinkError(Exception):
    """The way goes through the link ``path`` of a lower layer, which this one may yet replace."""

    def __init__(self, path: bytes) -> None:
        self.path = path


class LowerObstacleError(Exception):
    """At ``path`` a lower layer has something that this one needs a directory in place of."""

    def __init__(self, path: bytes) -> None:
        self.path = path


@dataclass(frozen=True, slots=True)
class LinkRules:
    """Which links a path is followed through: those of ``lower`` layers, and the layer's ``own``.

    One of a lower layer that is not followed is a LowerLinkError; behind one of the layer's own
    that is not followed there is nothing.
    """

    lower: bool
    own: bool


@dataclass(slots=True)
class Directory:
    """A directory of the tree that is open. ``times`` are what it gets back when it is closed:
    access and modification, in nanoseconds. Making something in it must not show in them.
    ``gives_acls``: to what is made in it (:mod:`.acls`)."""

    path: bytes
    descriptor: int
    times: tuple[int, int]
    depth: int
    gives_acls: bool


class Tree:
    """Directories by their real path below the root. Not for several threads.

    ``made`` are the paths that entries of the present layer have made.
    """

    def __init__(self, root: str | os.PathLike[str], limits: Limits, made: PathSet) -> None:
        self._limits = limits
        self._made_by_layer = made
        # Links of lower layers that were followed.
        self.followed = PathSet()
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.root = _directory(b"", descriptor, depth=0)
        self._open: OrderedDict[bytes, Directory] = OrderedDict()
        # Directories as archives name them, links and all, to those that they are.
        self._known: dict[tuple[LinkRules, tuple[bytes, ...]], bytes] = {}
        self._made = 0

    def directory(
        self, parts: list[bytes], *, make: bool, entry: bytes, links: LinkRules
    ) -> Directory | None:
        """The directory at ``parts``, ``links`` on the way resolved; made where it is missing.

        None if it is missing and not to be made, or if something else is there. With ``make`` that
        is a LayerError (``name``) if the layer itself has made it, else a LowerObstacleError.
        """
        if not parts:
            return self.root
        key = (links, tuple(parts))
        if (path := self._known.get(key)) is not None and (known := self._cached(path)) is not None:
            return known
        found = self._resolve(parts, make=make, entry=entry, links=links)
        if found is not None:
            if len(self._known) >= 4 * _MOST_OPEN:
                self._known.clear()
            self._known[key] = found.path
        return found

    def forget(self, path: bytes) -> None:
        """What was at ``path`` is gone, with everything below it."""
        self._known.clear()
        below = path + b"/"
        gone = [known for known in self._open if known == path or known.startswith(below)]
        for known in gone:
            os.close(self._open.pop(known).descriptor)

    def forget_links(self) -> None:
        """Something that may have been a link is gone."""
        self._known.clear()

    def again(self, directory: Directory) -> Directory:
        """The same directory, open even if others have been opened meanwhile."""
        return self.at(directory.path)

    def describe_unnamed(self, path: bytes, descriptor: int) -> None:
        """Give the directory at ``path``, open, the attributes of one that no entry describes."""
        _describe_unnamed(descriptor)
        os.utime(descriptor)
        if (known := self._open.get(path)) is not None:
            status = os.fstat(descriptor)
            known.times = (status.st_atime_ns, status.st_mtime_ns)

    def is_directory(self, path: bytes) -> bool:
        """Whether there is a directory at a real path."""
        try:
            self.at(path)
        except OSError:
            return False
        return True

    def at(self, path: bytes) -> Directory:
        """The directory at a real path. Raises OSError."""
        return self._reopen(path.split(b"/") if path else [])

    def opened(self, parent: Directory, name: bytes) -> Directory:
        """The directory ``name`` in ``parent``. Raises OSError, also where it is a link."""
        path = join(parent.path, name)
        if (known := self._cached(path)) is not None:
            return known
        descriptor = os.open(name, OPEN_DIRECTORY, dir_fd=parent.descriptor)
        opened = _directory(path, descriptor, depth=parent.depth + 1)
        self._open[path] = opened
        if len(self._open) > _MOST_OPEN:
            self._close(self._open.popitem(last=False)[1])
        return opened

    def close(self) -> None:
        """Give every directory its times, and close it."""
        try:
            while self._open:
                self._close(self._open.popitem()[1])
        except BaseException:
            self.abandon()
            raise
        self._close(self.root)

    def abandon(self) -> None:
        """Close everything as it is: what was unpacked will not be kept."""
        for directory in (self.root, *self._open.values()):
            os.close(directory.descriptor)
        self._open.clear()

    def _close(self, directory: Directory) -> None:
        try:
            os.utime(directory.descriptor, ns=directory.times)
        finally:
            os.close(directory.descriptor)

    def _cached(self, path: bytes) -> Directory | None:
        known = self._open.get(path)
        if known is not None:
            self._open.move_to_end(path)
        return known

    def _resolve(
        self, parts: list[bytes], *, make: bool, entry: bytes, links: LinkRules
    ) -> Directory | None:
        pending = parts[::-1]
        above: list[bytes] = []
        # What is below ``here``, and not there yet.
        missing: list[bytes] = []
        here, count, steps = self.root, 0, 0
        first_lower: bytes | None = None
        while pending:
            part = pending.pop()
            steps += 1
            if count > _MOST_LINKS or steps > _MOST_STEPS:
                if first_lower is not None and make:
                    raise LowerObstacleError(first_lower)
                raise LayerError("name", "its path goes through too many links", entry=entry)
            if is_marker(part):
                # Only the target of a link can say so.
                if not make:
                    return None
                raise LayerError(
                    "name", "it leads to a directory of a whiteout's name", entry=entry
                )
            if part == b"..":
                if missing:
                    missing.pop()
                else:
                    above = above[:-1]
                    here = self._reopen(above)
                continue
            if missing:
                missing.append(part)
                continue
            try:
                here = self._below(here, part, entry)
                above.append(part)
                continue
            except FileNotFoundError:
                missing.append(part)
                continue
            except OSError as error:
                if error.errno not in NOT_A_DIRECTORY:
                    raise
            path = join(here.path, part)
            target, is_own = _target_of_link(here, part), path in self._made_by_layer
            if target is None:
                if not make:
                    return None
                if first_lower is not None:
                    raise LowerObstacleError(first_lower)
                if is_own or count:
                    message = f'"{excerpt(path)}" is not a directory'
                    raise LayerError("name", message, entry=entry)
                raise LowerObstacleError(path)
            if is_own and not links.own:
                return None
            if not is_own:
                if not links.lower:
                    raise LowerLinkError(path)
                first_lower = first_lower or path
                self.followed.add(path)
            count += 1
            if target.startswith(b"/"):
                above, here = [], self.root
            pending += [step for step in target.split(b"/")[::-1] if step and step != b"."]
        if missing and not make:
            return None
        for part in missing:
            self._made += 1
            if self._made > self._limits.entries:
                raise LayerError(
                    "limit", f"its names need more than {self._limits.entries} directories"
                )
            os.mkdir(part, _DEFAULT_MODE, dir_fd=here.descriptor)
            above_it, here = here, self._below(here, part, entry)
            if above_it.gives_acls:
                acls.take_away(here.descriptor)
                here.gives_acls = False
            _describe_unnamed(here.descriptor)
        return here

    def _below(self, here: Directory, part: bytes, entry: bytes) -> Directory:
        if here.depth >= self._limits.depth:
            raise LayerError(
                "limit", f"it is more than {self._limits.depth} directories deep", entry=entry
            )
        return self.opened(here, part)

    def _reopen(self, parts: list[bytes]) -> Directory:
        here = self._cached(b"/".join(parts)) or self.root
        for part in parts if here is self.root else ():
            here = self.opened(here, part)
        return here


def _directory(path: bytes, descriptor: int, *, depth: int) -> Directory:
    status = os.fstat(descriptor)
    times = (status.st_atime_ns, status.st_mtime_ns)
    return Directory(path, descriptor, times, depth, acls.are_given_by(descriptor))


def _describe_unnamed(descriptor: int) -> None:
    os.fchown(descriptor, os.geteuid(), os.getegid())
    os.fchmod(descriptor, _DEFAULT_MODE)


def _target_of_link(parent: Directory, name: bytes) -> bytes | None:
    """What the link ``name`` points to; None if it is none."""
    try:
        return os.readlink(name, dir_fd=parent.descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    return None
