"""Command lines of the programs that are the machine: QEMU, and virtiofsd for each share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .needs import Kernel, program, virtiofsd


@dataclass(frozen=True)
class Hardware:
    """What the guest has: memory (MiB), processors, and where its serial console goes.

    `console` is a chardev of QEMU: ``file:PATH``, or ``mon:stdio`` for a terminal.
    """

    memory_mib: int
    processors: int
    console: str


def qemu_command(
    hardware: Hardware,
    kernel: Kernel,
    initrd: Path,
    *,
    shares: dict[str, Path],
    agent: int,
    parameters: str,
) -> list[str]:
    """QEMU's command line.

    `shares` are virtiofsd's sockets by tag; `agent` is the descriptor of the connected socket
    behind the virtio port; `parameters` go to the kernel.

    TCG, not KVM: where the host is itself a virtual machine, /dev/kvm may exist and yet hang every
    guest. Shared memory is what virtio-fs asks for (QEMU, docs/system/devices/vhost-user.rst).
    """
    memory = f"{hardware.memory_mib}M"
    options = {
        "-accel": ["tcg,thread=multi"],
        "-cpu": ["max"],
        "-smp": [str(hardware.processors)],
        "-m": [memory],
        "-object": [f"memory-backend-memfd,id=memory,size={memory},share=on"],
        "-numa": ["node,memdev=memory"],
        "-chardev": [
            *(f"socket,id={tag},path={path}" for tag, path in shares.items()),
            f"socket,id=agent,fd={agent}",
        ],
        "-device": [
            *(f"vhost-user-fs-pci,queue-size=1024,chardev={tag},tag={tag}" for tag in shares),
            "virtio-serial-pci",
            "virtserialport,chardev=agent",
        ],
        "-serial": [hardware.console],
        "-display": ["none"],
        "-vga": ["none"],
        "-nic": ["none"],
        "-kernel": [str(kernel.image)],
        "-initrd": [str(initrd)],
        "-append": [f"console=ttyS0 quiet panic=-1 {parameters}"],
    }
    command = [program("qemu-system-x86_64"), "-no-user-config", "-nodefaults", "-no-reboot"]
    for option, values in options.items():
        for value in values:
            command += [option, value]
    return command


def virtiofsd_command(directory: Path, *, socket: int, cache: str) -> list[str]:
    """The command line that shares `directory` over the listening socket with that descriptor.

    The daemon in C (QEMU up to 7.2) and its heir in Rust name their options differently.
    """
    path = virtiofsd()
    if path.parent.name == "qemu":
        options = ["-o", f"source={directory},cache={cache},sandbox=chroot,log_level=warn"]
    else:
        options = [f"--shared-dir={directory}", f"--cache={cache}", "--sandbox=chroot"]
        options.append("--log-level=warn")
    return [str(path), f"--fd={socket}", *options]
