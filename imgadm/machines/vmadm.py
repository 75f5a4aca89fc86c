"""The machines of a SmartOS host, by way of its program ``vmadm``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from imgadm.base.errors import InternalError
from imgadm.base.programs.completed import Completed
from imgadm.base.programs.programs import run_query, run_to_end
from imgadm.machines.errors import VmNotFoundError
from imgadm.machines.machine import Machine


class Vmadm:
    """The machines of this host, by way of its program ``vmadm``.

    A program that changes a machine runs to its end even if an operator presses Ctrl-C.
    ``on_start`` is called with the process id of each such program.
    """

    on_start: Callable[[int], None] | None = None

    def __init__(self, program: str) -> None:
        self._program = program

    def get(self, uuid: str) -> Machine:
        """Return the machine ``uuid`` as it is now. Raises VmNotFoundError, InternalError."""
        answer = run_query([self._program, "get", uuid])
        if answer.status != 0:
            raise VmNotFoundError(uuid, _told(answer))
        try:
            facts = json.loads(answer.stdout)
        except ValueError as error:
            raise InternalError(f"vmadm does not print JSON: {error}", cause=error) from error
        return Machine.of(facts)

    def stop(self, uuid: str, *, force: bool = False) -> None:
        """Shut the machine down, or with ``force`` turn it off. Raises InternalError."""
        self._run("stop", *(("-F",) if force else ()), uuid)

    def start(self, uuid: str) -> None:
        """Start the machine. Raises InternalError."""
        self._run("start", uuid)

    def update(self, uuid: str, change: Mapping[str, Any]) -> None:
        """Change properties: ``set_X`` objects, ``remove_X`` lists, or plain values.

        Raises InternalError.
        """
        self._run("update", uuid, stdin=json.dumps(change, separators=(",", ":")))

    def _run(self, command: str, *arguments: str, stdin: str = "") -> None:
        answer = run_to_end(
            [self._program, command, *arguments], stdin=stdin, on_start=self.on_start
        )
        if answer.status != 0:
            raise InternalError(f"vmadm {command} failed ({answer.status}): {_told(answer)}")


def _told(answer: Completed) -> str:
    return answer.stderr.strip() or answer.stdout.strip() or "it does not say why"
