"""The properties that imgadm sets on the datasets of images."""

from __future__ import annotations

from collections.abc import Iterable

HARMLESS = ("setuid=off", "devices=off")
"""The settings of every file system with foreign content.

A user who can look into it must not become root through a program in it, nor reach a disk through a
device node. The clones that machines are made of do not inherit these settings.
"""


def as_options(settings: Iterable[str]) -> list[str]:
    """Return the options with which ``zfs`` creates a dataset with these ``settings``."""
    return [word for setting in settings for word in ("-o", setting)]
