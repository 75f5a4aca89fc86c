"""How many files this process may have open at once."""

from __future__ import annotations

import contextlib
import resource

#: For the deepest tree that is ever unpacked or removed, two descriptors a directory, and the rest.
_ENOUGH = 1024


def allow_deep_trees() -> None:
    """Raise the soft limit, which is 256 on illumos, as far as the hard one lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = _ENOUGH if hard == unlimited else min(_ENOUGH, hard)
    if soft != unlimited and soft < wanted:
        # Kernels may have a limit of their own below the hard one.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
