"""Two trees of files compared, one line of text for each thing in them.

    assert trees.describe(ours) == trees.describe(theirs)

fails with a difference of the lines that are not the same.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "character",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


def describe(
    root: str | os.PathLike[str],
    *,
    owners: bool = True,
    directory_times: bool = True,
    nanoseconds: bool = True,
) -> list[str]:
    """All of the tree: names, types, modes, owners, times, links, devices, xattrs and contents.

    Files that are hard links of each other name the first of them. Leave out what the other tree
    cannot have: ``owners`` of an ordinary user's, times of directories that no entry gave them.
    """
    firsts: dict[tuple[int, int], bytes] = {}
    top = os.fsencode(Path(root).resolve())
    lines = []
    for path in [top, *sorted(_below(top))]:
        status = os.lstat(path)
        name = path[len(top) :].lstrip(b"/") or b"."
        kind = _TYPES[stat.S_IFMT(status.st_mode)]
        words = [repr(name)[2:-1], kind]
        if kind != "symlink":
            words.append(f"{stat.S_IMODE(status.st_mode):04o}")
        if owners:
            words.append(f"{status.st_uid}:{status.st_gid}")
        if kind != "directory" or directory_times:
            time = status.st_mtime_ns
            words.append(f"{time}" if nanoseconds else f"{time // 1_000_000_000}")
        words += _own_words(path, kind, status)
        if kind != "directory" and status.st_nlink > 1:
            first = firsts.setdefault((status.st_dev, status.st_ino), name)
            words.append(f"links={status.st_nlink} first={first!r}")
        if hasattr(os, "listxattr"):
            words += [
                f"{attribute}={os.getxattr(path, attribute, follow_symlinks=False)!r}"
                for attribute in sorted(os.listxattr(path, follow_symlinks=False))
                if attribute != "security.selinux"
            ]
        lines.append(" ".join(words))
    return lines


def _below(top: bytes) -> list[bytes]:
    found = []
    for directory, directories, files in os.walk(top):
        found += [os.path.join(directory, name) for name in (*directories, *files)]
    return found


def _own_words(path: bytes, kind: str, status: os.stat_result) -> list[str]:
    if kind == "symlink":
        return [f"-> {os.readlink(path)!r}"]
    if kind in ("character", "block"):
        return [f"{os.major(status.st_rdev)},{os.minor(status.st_rdev)}"]
    if kind == "file":
        with open(path, "rb") as file:
            return [f"{status.st_size}", hashlib.file_digest(file, "sha256").hexdigest()[:16]]
    return []
