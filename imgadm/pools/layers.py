"""The layers of container images, as a pool keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from imgadm.base.compressions import COMPRESSIONS
from imgadm.base.errors import InternalError
from imgadm.base.patterns import is_digest
from imgadm.pools.images import InstalledImage

RECORDED_AS = "layer"
"""The member of a record that holds the facts of the image's layer."""


@dataclass(frozen=True)
class LayerFacts:
    """The facts that identify a layer.

    ``digest`` (``sha256:…``), ``size`` (bytes) and ``compression`` are those of the blob.
    ``diff_id`` is the digest of the tar archive inside, if it is known.
    """

    digest: str
    size: int
    compression: str
    diff_id: str | None

    @classmethod
    def of(cls, image: InstalledImage) -> Self:
        """Return the facts in the record of an image; raises InternalError if it has none."""
        recorded: Any = image.extra.get(RECORDED_AS)
        try:
            facts = cls(**{name: recorded[name] for name in cls.__dataclass_fields__})
            facts._check()
        except (TypeError, KeyError, ValueError):
            if image.manifest.keys() <= {"uuid"}:
                raise InternalError(
                    f'the record of image "{image.uuid}" in "{image.pool}" cannot be read, so '
                    "nothing can be unpacked on top of it"
                ) from None
            raise InternalError(
                f'image "{image.uuid}" in "{image.pool}" is not recorded as a layer, so nothing '
                "can be unpacked on top of it; delete it and import it again"
            ) from None
        return facts

    def _check(self) -> None:
        digests = [self.digest] if self.diff_id is None else [self.digest, self.diff_id]
        if not all(map(is_digest, digests)) or self.compression not in COMPRESSIONS:
            raise ValueError
        if type(self.size) is not int or self.size < 0:
            raise ValueError

    @property
    def record(self) -> Mapping[str, Any]:
        """The members that the record of the image gets."""
        return {RECORDED_AS: dict(vars(self))}


@dataclass(frozen=True)
class StoredLayer:
    """The layer of an installed image; ``path`` is the file of its blob on the pool."""

    image: InstalledImage
    path: Path
    facts: LayerFacts


def make_root_directory(path: Path) -> None:
    """Make the root directory of an image, with the mode that it has unless a layer sets another.

    Raises OSError.
    """
    path.mkdir()
    path.chmod(0o755)  # whatever the umask is: all users of a container have to get through it
