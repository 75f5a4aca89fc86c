"""The paths below the root that the names of an archive mean."""

from __future__ import annotations

from imgadm.layers.rules.errors import LayerError


def components(name: bytes, *, entry: bytes) -> list[bytes]:
    """Return the components of ``name`` below the root, without ``.`` and ``..``; [] is the root.

    A leading slash means the root, as it does for a container. ``..`` removes the component before
    it. ``entry`` is the name of the entry, for the error. Raises LayerError (``name``) for a ``..``
    that would leave the root.
    """
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if not parts:
                raise LayerError("name", "its name leads out of the image", entry=entry)
            parts.pop()
        elif part and part != b".":
            parts.append(part)
    return parts


def join(parent: bytes, name: bytes) -> bytes:
    """Return the path of ``name`` in the directory at ``parent``; an empty path is the root."""
    return parent + b"/" + name if parent else name
