"""The making of files, directories, links, pipes and devices from entries."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from imgadm.base.text import excerpt
from imgadm.layers.archive.entry import ArchiveEntry, EntryKind
from imgadm.layers.rules.errors import LayerError
from imgadm.layers.rules.paths import components, join
from imgadm.layers.tree import acls
from imgadm.layers.tree.aside import Aside
from imgadm.layers.tree.attributes import Attributes, by_descriptor, clear_xattrs
from imgadm.layers.tree.content import write_content
from imgadm.layers.tree.open_directories import Directory
from imgadm.layers.tree.owners import OwnersWriter
from imgadm.layers.tree.removal import Removal
from imgadm.layers.tree.tree import NOT_A_DIRECTORY, LinkRules, Tree

_Made = TypeVar("_Made")

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD_FILE = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PRIVATE = 0o600
_NODES = {
    EntryKind.FIFO: stat.S_IFIFO,
    EntryKind.CHARACTER_DEVICE: stat.S_IFCHR,
    EntryKind.BLOCK_DEVICE: stat.S_IFBLK,
}


class NoTargetError(LayerError):
    """The target of a hard link does not exist."""

    def __init__(self, entry: ArchiveEntry) -> None:
        super().__init__(
            "link",
            f'it is a hard link to "{excerpt(entry.target)}", which does not exist',
            entry=entry.name,
        )


class Creation:
    """A maker of files in directories of a tree, which removes whatever is in the way."""

    def __init__(
        self, tree: Tree, attributes: Attributes, owners: OwnersWriter, removal: Removal
    ) -> None:
        self._tree = tree
        self._attributes = attributes
        self._owners = owners
        self._removal = removal

    def make(
        self,
        parent: Directory,
        name: bytes,
        entry: ArchiveEntry,
        data: Iterable[memoryview],
        *,
        links: LinkRules,
    ) -> None:
        """Make the file that ``entry`` describes, ``name`` in ``parent``, with content ``data``.

        ``links`` are the links that the path to the target of a hard link may follow. Raises
        LowerLinkError for a link that it may not follow, NoTargetError, LayerError and OSError.
        """
        match entry.kind:
            case EntryKind.FILE:
                self._make_file(parent, name, entry, data)
            case EntryKind.DIRECTORY:
                self._make_directory(parent, name, entry)
            case EntryKind.HARD_LINK:
                self._make_hard_link(parent, name, entry, links)
            case EntryKind.SYMLINK:
                self._make_symlink(parent, name, entry)
            case EntryKind.FIFO | EntryKind.CHARACTER_DEVICE | EntryKind.BLOCK_DEVICE:
                self._make_node(parent, name, entry)

    def describe_root(self, entry: ArchiveEntry) -> None:
        """Give the root itself the attributes of its entry."""
        self._describe_directory(self._tree.root, entry, anew=False)

    def _make_file(
        self, parent: Directory, name: bytes, entry: ArchiveEntry, data: Iterable[memoryview]
    ) -> None:
        descriptor = self._new_file(parent, name)
        try:
            write_content(descriptor, entry, data)
            self._describe_file(parent, name, descriptor, entry)
        finally:
            os.close(descriptor)

    def _describe_file(
        self, parent: Directory, name: bytes, descriptor: int, entry: ArchiveEntry
    ) -> None:
        self._attributes.set_open(join(parent.path, name), descriptor, entry, anew=True)
        os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))

    def place(
        self, parent: Directory, name: bytes, entry: ArchiveEntry, aside: Aside, stored: bytes
    ) -> None:
        """Make a file whose content is kept ``aside`` as ``stored``; it stays there as well."""
        self._link_to_aside(parent, name, aside, stored)
        descriptor = os.open(name, _OLD_FILE, dir_fd=parent.descriptor)
        try:
            self._describe_file(parent, name, descriptor, entry)
        finally:
            os.close(descriptor)

    def place_again(
        self, parent: Directory, name: bytes, aside: Aside, stored: bytes, first: bytes
    ) -> None:
        """Make one more hard link to a file kept ``aside`` that has its place at ``first``."""
        self._link_to_aside(parent, name, aside, stored)
        self._owners.link(join(parent.path, name), first)

    def _link_to_aside(self, parent: Directory, name: bytes, aside: Aside, stored: bytes) -> None:
        def link() -> None:
            os.link(
                stored,
                name,
                src_dir_fd=aside.descriptor,
                dst_dir_fd=parent.descriptor,
                follow_symlinks=False,
            )

        self._instead(parent, name, link)

    def _make_directory(self, parent: Directory, name: bytes, entry: ArchiveEntry) -> None:
        anew = True
        try:
            os.mkdir(name, 0o700, dir_fd=parent.descriptor)
        except FileExistsError:
            anew = False
        try:
            directory = self._tree.opened(parent, name)
        except OSError as error:
            if error.errno not in NOT_A_DIRECTORY:
                raise
            self._removal.replace(parent, name)
            os.mkdir(name, 0o700, dir_fd=parent.descriptor)
            anew = True
            directory = self._tree.opened(parent, name)
        self._describe_directory(directory, entry, anew=anew)

    def _describe_directory(self, directory: Directory, entry: ArchiveEntry, *, anew: bool) -> None:
        if not anew:
            clear_xattrs(directory.descriptor)
        elif directory.gives_acls:  # it has got a list from its parent
            acls.take_away(directory.descriptor)
        self._attributes.set_open(directory.path, directory.descriptor, entry, anew=anew)
        directory.gives_acls = acls.are_given_by(directory.descriptor)
        directory.times = (entry.mtime_ns, entry.mtime_ns)

    def _make_hard_link(
        self, parent: Directory, name: bytes, entry: ArchiveEntry, links: LinkRules
    ) -> None:
        parts = components(entry.target, entry=entry.name)
        source = None
        if parts:
            source = self._tree.directory(parts[:-1], make=False, entry=entry.name, links=links)
        if source is None:
            raise NoTargetError(entry)
        target, path = join(source.path, parts[-1]), join(parent.path, name)
        # The file in the way is removed first, and must not contain the target.
        if target.startswith(path + b"/"):
            raise NoTargetError(entry)
        with _kept_open(source) as descriptor:
            parent = self._tree.at(parent.path)
            try:
                status = os.stat(parts[-1], dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:
                raise NoTargetError(entry) from None
            if stat.S_ISDIR(status.st_mode):
                raise LayerError("link", "it is a hard link to a directory", entry=entry.name)
            if target == path:
                return

            def link() -> None:
                os.link(
                    parts[-1],
                    name,
                    src_dir_fd=descriptor,
                    dst_dir_fd=parent.descriptor,
                    follow_symlinks=False,
                )

            self._instead(parent, name, link)
        self._owners.link(path, target)

    def _make_symlink(self, parent: Directory, name: bytes, entry: ArchiveEntry) -> None:
        self._instead(
            parent, name, lambda: os.symlink(entry.target, name, dir_fd=parent.descriptor)
        )
        path = join(parent.path, name)
        self._attributes.set_special(path, parent.descriptor, name, entry)

    def _make_node(self, parent: Directory, name: bytes, entry: ArchiveEntry) -> None:
        """Make a pipe or a device, or an empty file for a device that this process may not make."""
        kind, device = _NODES[entry.kind], os.makedev(*entry.device)

        def make() -> None:
            os.mknod(name, kind | _PRIVATE, device, dir_fd=parent.descriptor)

        as_file = entry.kind is not EntryKind.FIFO and not self._attributes.real
        if not as_file:
            try:
                self._instead(parent, name, make)
            except (PermissionError, NotImplementedError):  # as in most containers, even for root
                as_file = True
        if as_file:
            os.close(self._new_file(parent, name))
        elif parent.gives_acls:
            acls.take_away(by_descriptor(parent.descriptor, name))
        path = join(parent.path, name)
        self._attributes.set_special(path, parent.descriptor, name, entry, as_file=as_file)

    def _new_file(self, parent: Directory, name: bytes) -> int:
        descriptor = self._instead(
            parent, name, lambda: os.open(name, _NEW_FILE, _PRIVATE, dir_fd=parent.descriptor)
        )
        if parent.gives_acls:
            acls.take_away(descriptor)
        return descriptor

    def _instead(self, parent: Directory, name: bytes, make: Callable[[], _Made]) -> _Made:
        """Call ``make``, and if a file is in its way, remove that and call it again."""
        try:
            return make()
        except FileExistsError:
            self._removal.replace(parent, name)
            return make()


@contextlib.contextmanager
def _kept_open(directory: Directory) -> Iterator[int]:
    """Yield a descriptor that stays open, whatever directories the tree closes meanwhile."""
    descriptor = os.dup(directory.descriptor)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
