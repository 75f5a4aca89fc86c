"""Conversations with a prepare-image script, by a clock that nobody has to wait for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from imgadm.base.errors import ImgadmError, InternalError
from imgadm.machines import Machine, Vmadm
from imgadm.machines.errors import PrepareImageDidNotRunError, PrepareImageError, VmNotFoundError
from imgadm.operations.creating.prepare_machine import Clock, prepare_machine

UUID = "f0f0f0f0-0000-4000-8000-000000000001"
SAID = f"prepare-image script error while preparing VM {UUID}"


def state(value: str, **more: str) -> dict[str, str]:
    return {
        "prepare-image:state": value,
        **{f"prepare-image:{key}": it for key, it in more.items()},
    }


Look = tuple[str, dict[str, str]] | ImgadmError


@dataclass
class Scene(Vmadm):
    """A machine whose looks, from the moment it is started, were thought up beforehand.

    The last look goes on for ever. Time passes only while somebody sleeps.
    """

    looks: list[Look]
    seconds: float = 0.0
    done: list[Any] = field(default_factory=list)

    def get(self, uuid: str) -> Machine:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, ImgadmError):
            raise look
        facts = {"uuid": uuid, "brand": "joyent", "zfs_filesystem": "z/m", "zpool": "z"}
        return Machine.of({**facts, "state": look[0], "customer_metadata": look[1]})

    def start(self, uuid: str) -> None:
        self.done.append("start")

    def update(self, uuid: str, change: Mapping[str, Any]) -> None:
        self.done.append(change)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def play(self) -> list[str]:
        """The names of what was told."""
        told: list[str] = []
        clock = Clock(now=lambda: self.seconds, sleep=self.sleep)
        prepare_machine(self, UUID, "#!/bin/sh", lambda it: told.append(type(it).__name__), clock)
        return told


RUNNING = ("running", state("running"))
SILENT: Look = ("running", {})
DONE: Look = ("stopped", state("success"))


@pytest.mark.parametrize(
    ("looks", "seconds"),
    [
        ([DONE], 2 + 1 + 1),
        ([SILENT, SILENT, RUNNING, RUNNING, ("running", state("success")), DONE], 6 + 2 + 1),
        (
            [("stopped", {}), SILENT, RUNNING, ("stopped", state("running")), RUNNING, DONE],
            6 + 3 + 1,
        ),
        ([SILENT] * 149 + [DONE], 300 + 1 + 1),
    ],
    ids=["before the first look", "step by step", "with reboots", "in the last moment"],
)
def test_a_script_that_does_its_work(looks: list[Look], seconds: float) -> None:
    scene = Scene(list(looks))
    assert scene.play() == [
        *("MachineStarting", "ScriptRunning", "ScriptSucceeded", "ScriptStoppedMachine")
    ]
    assert scene.seconds == seconds
    keys = ["prepare-image:state", "prepare-image:error"]
    assert scene.done == [
        {"set_internal_metadata": {"operator-script": "#!/bin/sh"}},
        {"remove_customer_metadata": keys},
        "start",
        {
            "remove_internal_metadata": ["operator-script"],
            "remove_customer_metadata": [*keys, "prepare-image:progress"],
        },
    ]


@pytest.mark.parametrize(
    ("looks", "message", "seconds"),
    [
        (
            [RUNNING, ("running", state("error", error="no sysprep"))],
            f"{SAID}: no sysprep",
            2 + 1,
        ),
        (
            [RUNNING, ("running", state("error", error="one\ntwo"))],
            f"{SAID}:\n    ...one\n    two",
            2 + 1,
        ),
        (
            [RUNNING, ("running", state("error")), ("running", state("error", error="late"))],
            f"{SAID}: late",
            2 + 1 + 1,
        ),
        ([RUNNING, ("stopped", state("error"))], SAID, 2 + 1),
        ([RUNNING], f"{SAID}: prepare-image script did not complete", 2 + 300),
        (
            [RUNNING, ("stopped", state("running"))],
            f"{SAID}: prepare-image script did not complete",
            2 + 2,
        ),
        (
            [RUNNING, VmNotFoundError(UUID, "gone")],
            f"{SAID}: prepare-image script did not complete",
            2 + 1,
        ),
        ([("running", state("success"))], f"{SAID}: VM did not shutdown", 2 + 1 + 300),
    ],
    ids=[
        *("an error", "of several lines", "told late", "never told"),
        *("hangs", "crashes with its machine", "vanishes", "never stops the machine"),
    ],
)
def test_a_script_that_fails(looks: list[Look], message: str, seconds: float) -> None:
    scene = Scene(list(looks))
    with pytest.raises(PrepareImageError) as caught:
        scene.play()
    assert (str(caught.value), scene.seconds) == (message, seconds)


@pytest.mark.parametrize(
    ("looks", "seconds"), [([SILENT], 300), ([SILENT, ("stopped", {})], 6)], ids=["hangs", "stops"]
)
def test_a_script_that_never_runs(looks: list[Look], seconds: float) -> None:
    scene = Scene(list(looks))
    with pytest.raises(PrepareImageDidNotRunError) as caught:
        scene.play()
    assert str(caught.value) == f"prepare-image script did not run on VM {UUID} boot"
    assert scene.seconds == seconds


def test_a_machine_that_cannot_be_looked_at_while_it_boots() -> None:
    with pytest.raises(InternalError, match="no answer"):
        Scene([InternalError("no answer")]).play()
