"""What an operator sees while another process works on the same image, or on the configuration."""

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
    """Say at once that the lock of an image is waited for, and who holds it."""
    print(f"Waiting for image {uuid} import lock", flush=True)
    if holder is not None:
        print(f"    held by {holder}", flush=True)


def slow_source_warning(context: RunContext) -> Callable[[Source | SourceConfig], None] | None:
    """What tells an operator at a terminal which source keeps everybody waiting."""

    def warn(source: Source | SourceConfig) -> None:
        context.warn(f"still waiting for {source.url}")

    return warn if sys.stderr.isatty() else None


def warn_of_waiting(context: RunContext, holder: Holder | None) -> None:
    """Say on stderr that the configuration is waited for, and who changes it."""
    context.warn(f"waiting for the configuration, which is locked by {shown_holder(holder)}")
