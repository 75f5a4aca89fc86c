"""What imgadm sets on the datasets of images."""

from __future__ import annotations

from collections.abc import Iterable

HARMLESS = ("setuid=off", "devices=off")
"""Settings of every file system that strangers have filled.

Who may look into it must not become root through a program in it, nor reach a disk through a device
node. Clones, which machines are made of, do not inherit them.
"""


def as_options(settings: Iterable[str]) -> list[str]:
    """The options that make ``zfs`` create a dataset with these settings."""
    return [word for setting in settings for word in ("-o", setting)]
