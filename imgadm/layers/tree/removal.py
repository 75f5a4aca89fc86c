"""The removal of files that an entry replaces or a whiteout hides."""

from __future__ import annotations

import os
import stat

from imgadm.layers.rules.paths import join
from imgadm.layers.rules.whiteouts import is_marker
from imgadm.layers.tree.attributes import clear_xattrs
from imgadm.layers.tree.open_directories import OPEN_DIRECTORY, Directory
from imgadm.layers.tree.owners import OwnersWriter, Recorded
from imgadm.layers.tree.path_set import PathSet
from imgadm.layers.tree.tree import Tree


class Removal:
    """A remover of files from ``tree``; ``made`` are the paths that the present layer has made."""

    def __init__(self, tree: Tree, owners: OwnersWriter, made: PathSet) -> None:
        self._tree = tree
        self._owners = owners
        self._made = made
        # The directories in which no file of lower layers is left, and those of them that stay. No
        # whiteout walks through them again, however many whiteouts a layer has.
        self._emptied, self._kept = PathSet(), PathSet()

    def replace(self, parent: Directory, name: bytes) -> None:
        """Remove ``name``, whatever it is and whichever layer made it."""
        path = join(parent.path, name)
        if _is_directory(parent.descriptor, name):
            self._tree.forget(path)
            _remove_tree(parent.descriptor, name)
        else:
            os.unlink(name, dir_fd=parent.descriptor)
            self._tree.forget_links()
        self._owners.remove(path)

    def hide(self, parent: Directory, name: bytes) -> None:
        """Remove the files of lower layers at ``name``, and keep those of this layer."""
        try:
            is_directory = _is_directory(parent.descriptor, name)
        except FileNotFoundError:
            return
        path = join(parent.path, name)
        if not self._made:
            self.replace(parent, name)
        elif is_directory:
            self._hide_directory(parent.descriptor, name, path)
        elif path not in self._made:
            self.replace(parent, name)

    def hide_contents(self, directory: Directory) -> None:
        """Remove the files of lower layers in ``directory``, but not ``directory`` itself."""
        if directory.path in self._emptied or directory.path in self._kept:
            return
        with os.scandir(directory.descriptor) as found:
            for below in found:
                name = os.fsencode(below.name)
                if not is_marker(name):  # files kept aside, which are no part of the image
                    self.hide(directory, name)
        self._emptied.add(directory.path)

    def _hide_directory(self, parent: int, name: bytes, path: bytes) -> bool:
        """Remove files of lower layers, and tell whether the directory stays for this layer."""
        if path in self._kept:
            return True
        descriptor = os.open(name, OPEN_DIRECTORY, dir_fd=parent)
        try:
            before = os.fstat(descriptor)
            kept = path in self._made
            with os.scandir(descriptor) as found:
                for below in found:
                    kept |= self._hide_below(descriptor, below, path)
            if kept:
                self._kept.add(path)
                if path in self._made:
                    os.utime(descriptor, ns=(before.st_atime_ns, before.st_mtime_ns))
                else:
                    self._make_anew(path, descriptor)
                return True
        finally:
            os.close(descriptor)
        self._tree.forget(path)
        os.rmdir(name, dir_fd=parent)
        self._owners.remove(path)
        return False

    def _make_anew(self, path: bytes, descriptor: int) -> None:
        """Give a hidden directory that this layer needs the attributes of a new one."""
        self._tree.describe_unnamed(path, descriptor)
        clear_xattrs(descriptor)
        self._owners.record(path, Recorded(), anew=False)

    def _hide_below(self, parent: int, found: os.DirEntry[str], parent_path: bytes) -> bool:
        name = os.fsencode(found.name)
        path = join(parent_path, name)
        if found.is_dir(follow_symlinks=False):
            return self._hide_directory(parent, name, path)
        if path in self._made:
            return True
        os.unlink(name, dir_fd=parent)
        self._tree.forget_links()
        self._owners.remove(path)
        return False


def _is_directory(parent: int, name: bytes) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def _remove_tree(parent: int, name: bytes) -> None:
    descriptor = os.open(name, OPEN_DIRECTORY, dir_fd=parent)
    try:
        with os.scandir(descriptor) as found:
            for below in found:
                if below.is_dir(follow_symlinks=False):
                    _remove_tree(descriptor, os.fsencode(below.name))
                else:
                    os.unlink(os.fsencode(below.name), dir_fd=descriptor)
    finally:
        os.close(descriptor)
    os.rmdir(name, dir_fd=parent)
