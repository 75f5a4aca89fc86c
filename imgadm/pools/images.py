"""Installed images, as a pool shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class InstalledImage:
    """An image on a pool, and what is recorded of it.

    ``manifest`` has at least ``uuid``, and no more if the pool has no record of the image. ``pool``
    is the name of the pool, ``source`` the URL of the server that the image came from. ``clones``
    are the full names of everything that is based on the image, in the order of the pool, or
    ``None`` if the method that returned the image does not look for them. ``extra`` has the other
    members of the record. ``created`` is the time of its installation, in seconds since 1970, if
    that is known.

    A ``doubtful`` image may be something else, or hold more than an image: neither a record nor a
    snapshot ``@final`` says that it is one, or there are other things inside. ``vacuum`` keeps it.
    """

    # Not frozen: making frozen ones takes twice as long, and lists have many.

    manifest: dict[str, Any]
    pool: str
    source: str | None = None
    clones: tuple[str, ...] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    created: int | None = None
    doubtful: bool = False

    @property
    def uuid(self) -> str:
        """The UUID of the image."""
        return str(self.manifest["uuid"])
