"""The virtual machines of this host, from which images are created."""

from __future__ import annotations

from imgadm.base.errors import InternalError
from imgadm.base.programs.programs import find_program
from imgadm.machines.datasets import Datasets
from imgadm.machines.machine import Machine
from imgadm.machines.vmadm import Vmadm

__all__ = ["Datasets", "Machine", "Vmadm", "open_datasets", "open_machines"]


def open_machines() -> Vmadm:
    """Return the machines of this host. Raises InternalError if it has no ``vmadm``."""
    return Vmadm(_program("vmadm"))


def open_datasets() -> Datasets:
    """Return the datasets of this host. Raises InternalError if it has no ``zfs``."""
    return Datasets(_program("zfs"))


def _program(name: str) -> str:
    path = find_program(name)
    if path is None:
        raise InternalError(
            f'there is no "{name}" program on this host: virtual machines become images on SmartOS'
        )
    return path
