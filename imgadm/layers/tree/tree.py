"""The tree that layers are unpacked into, whose directories are found by the names in archives.

A link in the middle of a path is resolved here, as it would be inside a container whose root this
is. An absolute link starts at the root again, and ``..`` ends there. Therefore everything that an
archive names, and everything that an earlier layer has left, stays below the root.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from imgadm.base.text import excerpt
from imgadm.layers.rules.errors import LayerError
from imgadm.layers.rules.limits import Limits
from imgadm.layers.rules.paths import join
from imgadm.layers.rules.whiteouts import is_marker
from imgadm.layers.tree import acls
from imgadm.layers.tree.open_directories import MOST_OPEN_DIRECTORIES, Directory, OpenDirectories
from imgadm.layers.tree.path_set import PathSet

_MOST_LINKS = 40
"""The number of links that one path may go through, the same as in the Linux kernel."""

_MOST_STEPS = 1024
"""The number of components that one path may have in all, those of its links included."""

NOT_A_DIRECTORY = {errno.ENOTDIR, errno.ELOOP, errno.EMLINK}
"""The errors of kernels for a component that is a link or no directory."""

_DEFAULT_MODE = 0o755


class LowerLinkError(Exception):
    """The path goes through the link ``path`` of a lower layer, which this one may yet replace."""

    def __init__(self, path: bytes) -> None:
        self.path = path


class LowerObstacleError(Exception):
    """A lower layer has a file or link at ``path``, where this layer needs a directory."""

    def __init__(self, path: bytes) -> None:
        self.path = path


@dataclass(frozen=True, slots=True)
class LinkRules:
    """The links that a path may follow: those of ``lower`` layers, and the layer's ``own``.

    A path through a link of a lower layer that must not be followed raises LowerLinkError. A path
    through an own link that must not be followed counts as missing.
    """

    lower: bool
    own: bool


class Tree(OpenDirectories):
    """The tree below ``root``, in which ``made`` are the paths that the present layer has made.

    ``followed`` are the links of lower layers that paths have gone through.
    """

    def __init__(self, root: str | os.PathLike[str], limits: Limits, made: PathSet) -> None:
        super().__init__(root)
        self._limits = limits
        self._made_by_layer = made
        self.followed = PathSet()
        # The real path for each path as archives have it, links included.
        self._known: dict[tuple[LinkRules, tuple[bytes, ...]], bytes] = {}
        self._made = 0

    def directory(
        self, parts: list[bytes], *, make: bool, entry: bytes, links: LinkRules
    ) -> Directory | None:
        """Return the directory at ``parts``, following the links that ``links`` allows.

        With ``make``, missing directories are made, and anything else at the path raises an error:
        LayerError (``name``) if the layer itself has made it, else LowerObstacleError. Without
        ``make``, returns None if the directory is missing or is not a directory. ``entry`` is the
        name of the entry, for errors.
        """
        if not parts:
            return self.root
        key = (links, tuple(parts))
        if (path := self._known.get(key)) is not None and (known := self._cached(path)) is not None:
            return known
        found = self._resolve(parts, make=make, entry=entry, links=links)
        if found is not None:
            if len(self._known) >= 4 * MOST_OPEN_DIRECTORIES:
                self._known.clear()
            self._known[key] = found.path
        return found

    def forget(self, path: bytes) -> None:
        self._known.clear()
        super().forget(path)

    def forget_links(self) -> None:
        """Forget how paths were resolved, since a removed file may have been a link."""
        self._known.clear()

    def describe_unnamed(self, path: bytes, descriptor: int) -> None:
        """Give the open directory at ``path`` the attributes of one that no entry describes."""
        _describe_unnamed(descriptor)
        os.utime(descriptor)
        status = os.fstat(descriptor)
        self.set_times(path, (status.st_atime_ns, status.st_mtime_ns))

    def _resolve(
        self, parts: list[bytes], *, make: bool, entry: bytes, links: LinkRules
    ) -> Directory | None:
        pending = parts[::-1]
        above: list[bytes] = []
        # The components below ``here`` that do not exist yet.
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
                # Only the target of a link can have such a component.
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


def _describe_unnamed(descriptor: int) -> None:
    os.fchown(descriptor, os.geteuid(), os.getegid())
    os.fchmod(descriptor, _DEFAULT_MODE)


def _target_of_link(parent: Directory, name: bytes) -> bytes | None:
    """Return the target of the link ``name``; None if ``name`` is no link."""
    try:
        return os.readlink(name, dir_fd=parent.descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    return None
