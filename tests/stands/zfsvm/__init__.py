"""A virtual machine with a real OpenZFS kernel, for tests on hosts that have none.

    with Machine() as vm:
        create_pool(vm)
        print(vm.check("zpool status"))

QEMU emulates the processor, so neither KVM nor a module in the host's kernel is needed. The guest
has no disk of its own: it runs on the host's file system, read-only, with changes kept in its
memory. docs/contributing/testing-on-zfs.md tells the whole story.
"""

from .machine import Machine, MachineError
from .needs import CannotRunError, find_kernel, missing_needs
from .pool import create_pool, fetch_volume, volume_device, volume_digests, volume_sha256
from .recipes import send_disk
from .session import CommandError, CommandTimeoutError, Result, Session

__all__ = [
    "CannotRunError",
    "CommandError",
    "CommandTimeoutError",
    "Machine",
    "MachineError",
    "Result",
    "Session",
    "create_pool",
    "fetch_volume",
    "find_kernel",
    "missing_needs",
    "send_disk",
    "volume_device",
    "volume_digests",
    "volume_sha256",
]
