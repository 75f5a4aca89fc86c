"""The names by which a layer hides files of lower layers (OCI image specification, "Whiteouts")."""

from __future__ import annotations

from collections.abc import Sequence

from imgadm.layers.rules.errors import LayerError

_PREFIX = b".wh."
_AUFS_PREFIX = b".wh..wh."
_OPAQUE = b".wh..wh..opq"

EVERYTHING = b"."
"""The answer of :func:`hidden_by` for a whiteout of all that lower layers have in a directory."""


def hidden_by(name: bytes, *, entry: bytes) -> bytes:
    """Return the name that the whiteout ``name`` hides in its directory, or EVERYTHING.

    Raises LayerError (``name``) for a whiteout of an impossible name.
    """
    if name == _OPAQUE:
        return EVERYTHING
    hidden = name[len(_PREFIX) :]
    if hidden in (b"", b".", b".."):
        raise LayerError("name", "it hides nothing that could exist", entry=entry)
    return hidden


def is_marker(name: bytes) -> bool:
    """Tell whether a component of a path is a mark, which never becomes part of an image."""
    return name.startswith(_PREFIX)


def is_of_driver(parts: Sequence[bytes]) -> bool:
    """Tell whether a path is in, or is itself, a directory of AUFS's own records."""
    *above, name = parts
    in_one = any(part.startswith(_AUFS_PREFIX) for part in above)
    return in_one or (name.startswith(_AUFS_PREFIX) and name != _OPAQUE)
