"""Manage virtual machine images as compressed ZFS send streams.

The streaming toolkit, :mod:`imgadm.streams`, is the public Python API; everything else
serves the ``imgadm`` command.
"""

__version__ = "4.0.0"
