"""Messages about waiting: for another process, or for a slow source."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from imgadm.base.locks.holder import Holder, shown_holder

if TYPE_CHECKING:
    from imgadm.cli.context import RunContext
    from imgadm.sources import Source
    from imgadm.state.source_config import SourceConfig


def show_waiting(uuid: str, holder: Holder | None) -> None:
    """Print that this run waits for the lock of the image ``uuid``, and who holds it."""
    print(f"Waiting for image {uuid} import lock", flush=True)
    if holder is not None:
        print(f"    held by {holder}", flush=True)


def slow_source_warning(context: RunContext) -> Callable[[Source | SourceConfig], None] | None:
    """Return a function that warns of a slow source; None if no operator is at a terminal."""

    def warn(source: Source | SourceConfig) -> None:
        context.warn(f"still waiting for {source.url}")

    return warn if sys.stderr.isatty() else None


def warn_of_waiting(context: RunContext, holder: Holder | None) -> None:
    """Warn that this run waits for the lock of the configuration, and say who holds it."""
    context.warn(f"waiting for the configuration, which is locked by {shown_holder(holder)}")
