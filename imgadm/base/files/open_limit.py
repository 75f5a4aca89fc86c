"""The number of files that this process may have open at once."""

from __future__ import annotations

import contextlib
import resource

_ENOUGH = 1024
"""Descriptors for the deepest tree that imgadm handles, two for each directory, and others."""


def allow_deep_trees() -> None:
    """Raise the soft limit (256 on illumos) to 1024, or as far as the host permits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = _ENOUGH if hard == unlimited else min(_ENOUGH, hard)
    if soft != unlimited and soft < wanted:
        # A kernel may have its own limit below the hard one.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
