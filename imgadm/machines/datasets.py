"""Datasets of machines: their snapshots, quotas and other properties."""

from __future__ import annotations

from collections.abc import Callable

from imgadm.base.errors import InternalError
from imgadm.base.programs.completed import Completed
from imgadm.base.programs.programs import run_query, run_to_end


class Datasets:
    """The datasets of this host, by way of its program ``zfs``.

    A program that changes a dataset runs to its end even if an operator presses Ctrl-C.
    ``on_start`` is called with the process id of each such program.
    """

    on_start: Callable[[int], None] | None = None

    def __init__(self, zfs: str) -> None:
        self.zfs = zfs

    def exists(self, name: str) -> bool:
        """Tell whether a dataset or snapshot ``name`` exists. Raises InternalError if unsure."""
        answer = run_query([self.zfs, "list", "-H", "-p", "-o", "name", name])
        if answer.status != 0 and answer.stderr.strip() and "does not exist" not in answer.stderr:
            raise InternalError(f'cannot look for "{name}": {_told(answer)}')
        return answer.status == 0

    def value(self, name: str, prop: str) -> str:
        """Return the property ``prop`` as programs read it. Raises InternalError."""
        answer = run_query([self.zfs, "get", "-Hp", "-o", "value", prop, name])
        if answer.status != 0:
            raise InternalError(f'cannot tell the {prop} of "{name}": {_told(answer)}')
        return answer.stdout.strip()

    def set(self, name: str, prop: str, value: str) -> None:
        """Set the property ``prop``. Raises InternalError."""
        self._change(f'error setting the {prop} of "{name}"', "set", f"{prop}={value}", name)

    def snapshot(self, name: str) -> None:
        """Create the snapshot ``name`` (``DATASET@NAME``). Raises InternalError."""
        self._change(f'error creating snapshot "{name}"', "snapshot", name)

    def rename(self, old: str, new: str) -> None:
        """Rename the snapshot ``old``. Raises InternalError."""
        self._change(f'error renaming snapshot "{old}"', "rename", old, new)

    def roll_back(self, snapshot: str) -> None:
        """Return the dataset to ``snapshot``, and destroy younger ones. Raises InternalError."""
        self._change(f'error rolling back to snapshot "{snapshot}"', "rollback", "-r", snapshot)

    def destroy_snapshot(self, snapshot: str) -> None:
        """Destroy ``snapshot``. Raises InternalError."""
        assert "@" in snapshot
        self._change(f'error destroying snapshot "{snapshot}"', "destroy", snapshot)

    def _change(self, failure: str, *arguments: str) -> None:
        answer = run_to_end([self.zfs, *arguments], on_start=self.on_start)
        if answer.status != 0:
            raise InternalError(f"{failure}: {_told(answer)}")


def _told(answer: Completed) -> str:
    return answer.stderr.strip() or f"zfs ended with exit status {answer.status}"
