"""Names of an archive as paths below the root."""

from __future__ import annotations

from imgadm.layers.errors import LayerError


def components(name: bytes, *, entry: bytes) -> list[bytes]:
    """The components of ``name`` below the root, none of them ``.`` or ``..``; [] is the root.

    A leading slash means the root, as it does for a container. ``..`` undoes the component before
    it; where there is none it would leave the root, which is refused (LayerError, ``name``).
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
    return parent + b"/" + name if parent else name
