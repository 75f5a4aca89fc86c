"""The machines of a SmartOS host, by way of its ``vmadm``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from imgadm.base.errors import InternalError
from imgadm.base.programs.programs import Completed, run_query, run_to_end
from imgadm.machines.errors import VmNotFoundError
from imgadm.machines.machine import Machine


class Vmadm:
    """What changes a machine is run to its end: Ctrl-C waits, and nobody finds it half done.

    ``on_start`` is told the process id of each program that changes something.
    """

    on_start: Callable[[int], None] | None = None

    def __init__(self, program: str) -> None:
        self._program = program

    def get(self, uuid: str) -> Machine:
        """The machine as it is now. Raises VmNotFoundError, InternalError."""
        answer = run_query([self._program, "get", uuid])
        if answer.status != 0:
            raise VmNotFoundError(uuid, _told(answer))
        try:
            facts = json.loads(answer.stdout)
        except ValueError as error:
            raise InternalError(f"vmadm does not print JSON: {error}", cause=error) from error
        return Machine.of(facts)

    def stop(self, uuid: str, *, force: bool = False) -> None:
        """Shut the machine down, or with ``force`` turn it off."""
        self._run("stop", *(("-F",) if force else ()), uuid)

    def start(self, uuid: str) -> None:
        self._run("start", uuid)

    def update(self, uuid: str, change: Mapping[str, Any]) -> None:
        """Change properties, as ``set_X`` objects, ``remove_X`` lists or plain values."""
        self._run("update", uuid, stdin=json.dumps(change, separators=(",", ":")))

    def _run(self, command: str, *arguments: str, stdin: str = "") -> None:
        answer = run_to_end(
            [self._program, command, *arguments], stdin=stdin, on_start=self.on_start
        )
        if answer.status != 0:
            raise InternalError(f"vmadm {command} failed ({answer.status}): {_told(answer)}")


def _told(answer: Completed) -> str:
    return answer.stderr.strip() or answer.stdout.strip() or "it does not say why"
