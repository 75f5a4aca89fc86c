"""The virtual machines of this host, which images are made from."""

from __future__ import annotations

from imgadm.base.errors import InternalError
from imgadm.base.programs.programs import find_program
from imgadm.machines.datasets import Datasets
from imgadm.machines.machine import Machine
from imgadm.machines.vmadm import Vmadm

__all__ = ["Datasets", "Machine", "Vmadm", "open_datasets", "open_machines"]


def open_machines() -> Vmadm:
    """The machines by way of the host's ``vmadm``. Raises InternalError where there is none."""
    return Vmadm(_program("vmadm"))


def open_datasets() -> Datasets:
    """Their datasets by way of the host's ``zfs``. Raises InternalError where there is none."""
    return Datasets(_program("zfs"))


def _program(name: str) -> str:
    path = find_program(name)
    if path is None:
        raise InternalError(
            f'there is no "{name}" program on this host: virtual machines become images on SmartOS'
        )
    return path
