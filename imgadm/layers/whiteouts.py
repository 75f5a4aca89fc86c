"""Names that say what a layer hides of those below it (OCI image specification, "Whiteouts")."""

from __future__ import annotations

from collections.abc import Sequence

from imgadm.layers.errors import LayerError

_PREFIX = b".wh."
_AUFS_PREFIX = b".wh..wh."
_OPAQUE = b".wh..wh..opq"

EVERYTHING = b"."
"""What :func:`hidden_by` answers for a directory whose lower contents are hidden."""


def hidden_by(name: bytes, *, entry: bytes) -> bytes:
    """What the entry's last component hides beside it: a name, or EVERYTHING.

    Raises LayerError (``name``) for a whiteout of no possible name.
    """
    if name == _OPAQUE:
        return EVERYTHING
    hidden = name[len(_PREFIX) :]
    if hidden in (b"", b".", b".."):
        raise LayerError("name", "it hides nothing that could exist", entry=entry)
    return hidden


def is_marker(name: bytes) -> bool:
    """Whether a component is of those that never become part of an image."""
    return name.startswith(_PREFIX)


def is_driver_s(parts: Sequence[bytes]) -> bool:
    """Whether a path is, or leads through, what AUFS kept its own books in."""
    *above, name = parts
    in_one = any(part.startswith(_AUFS_PREFIX) for part in above)
    return in_one or (name.startswith(_AUFS_PREFIX) and name != _OPAQUE)
