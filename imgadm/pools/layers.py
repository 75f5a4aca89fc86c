"""What a pool that keeps layers has to know of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from imgadm.base.compressions import COMPRESSIONS
from imgadm.base.errors import InternalError
from imgadm.base.patterns import is_digest
from imgadm.pools.base import InstalledImage

#: Under what a record in a directory pool has the facts of its layer.
RECORDED_AS = "layer"


@dataclass(frozen=True)
class LayerFacts:
    """A layer as it is stored: ``digest`` (``sha256:…``), ``size`` (bytes) and ``compression`` of
    the blob, and ``diff_id``, the digest of the tar archive inside, where that is known.
    """

    digest: str
    size: int
    compression: str
    diff_id: str | None

    @classmethod
    def of(cls, image: InstalledImage) -> Self:
        """What is recorded of an image. Raises InternalError if it is not recorded as a layer."""
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
        """What goes into the record of the image."""
        return {RECORDED_AS: dict(vars(self))}


@dataclass(frozen=True)
class StoredLayer:
    """The layer of an installed image, and the file on the pool that has it."""

    image: InstalledImage
    path: Path
    facts: LayerFacts


def make_root_directory(path: Path) -> None:
    """The root of an image, as it is if no layer says otherwise; raises OSError."""
    path.mkdir()
    path.chmod(0o755)  # whatever the umask is: users of a container have to pass
