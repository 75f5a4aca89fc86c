"""Access control lists (POSIX.1e) that a directory gives to whatever is made in it.

An image has those of its archives. What is made in a directory with such a list, of an image or of
the pool itself, would have another one, with rights for users whom nobody has named.
"""

from __future__ import annotations

import contextlib
import os

_OF_ITSELF, _OF_WHAT_IS_MADE_IN_IT = "system.posix_acl_access", "system.posix_acl_default"


def are_given_by(directory: int) -> bool:
    """Whether what is made in an open directory gets a list from it."""
    if not hasattr(os, "getxattr"):
        return False
    try:
        os.getxattr(directory, _OF_WHAT_IS_MADE_IN_IT)
    except OSError:
        return False
    return True


def take_away(made: int | bytes) -> None:
    """Remove what has been given to an open file or directory, or to what is at a path."""
    for name in (_OF_ITSELF, _OF_WHAT_IS_MADE_IN_IT):
        with contextlib.suppress(OSError):
            os.removexattr(made, name, follow_symlinks=isinstance(made, int))
