"""The access control lists (POSIX.1e) that a directory gives to the files made in it.

An image must have only the lists of its archives. A file made in a directory of the image or of the
pool that has such a default list would get a list that grants rights to users whom no archive
names.
"""

from __future__ import annotations

import contextlib
import os

_ACCESS, _DEFAULT = "system.posix_acl_access", "system.posix_acl_default"


def are_given_by(directory: int) -> bool:
    """Tell whether new files in an open directory get a list from it."""
    if not hasattr(os, "getxattr"):
        return False
    try:
        os.getxattr(directory, _DEFAULT)
    except OSError:
        return False
    return True


def take_away(made: int | bytes) -> None:
    """Remove the lists that a new file has got; ``made`` is its descriptor or its path."""
    for name in (_ACCESS, _DEFAULT):
        with contextlib.suppress(OSError):
            os.removexattr(made, name, follow_symlinks=isinstance(made, int))
