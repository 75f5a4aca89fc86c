"""A folder of pairs, each a manifest and its file, as a catalogue.

The folder is looked at again for every request, so pairs may come and go while the server runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from imgadm.base.errors import ImgadmError
from imgadm.base.text import excerpt
from imgadm.serve.catalogues.catalogue import HostedImage
from imgadm.serve.catalogues.digests import DigestStore, Stamp, stamp_of
from imgadm.serve.catalogues.pairs import (
    MANIFEST_SUFFIXES,
    BrokenPairError,
    FolderImage,
    SkippedPair,
    read_pair,
)
from imgadm.serve.catalogues.plain_files import FolderContent, look_at

QUICKLY_READ_BYTES = 64 << 20
"""The size in bytes of the largest file that a list reads for the SHA-1 its manifest lacks."""


class FolderCatalogue:
    """The pairs in ``folder``.

    ``on_skip`` is called once with every pair that is broken. ``digests`` may be shared with other
    readers of the files in the folder.
    """

    def __init__(
        self,
        folder: Path,
        on_skip: Callable[[SkippedPair], None] | None = None,
        digests: DigestStore | None = None,
    ) -> None:
        self._folder = folder
        self._on_skip = on_skip
        self._digests = digests or DigestStore()
        self._lock = threading.Lock()
        self._stamps: dict[str, tuple[str, Stamp] | str] | None = None
        self._images: dict[str, FolderImage] = {}
        self._told: set[SkippedPair] = set()

    def images(self) -> Sequence[HostedImage]:
        """Return the images of all sound pairs; raises OSError if the folder is unreadable.

        A manifest that does not say the SHA-1 of a large file lacks it here until a client has
        asked for that one image: a list must not wait until terabytes have been read.
        """
        found = [image.as_known() for image in self.pairs().values()]
        completed = [
            self._completed(image)
            if image.lacks_sha1 and image.size <= QUICKLY_READ_BYTES
            else image
            for image in found
        ]
        return [image for image in completed if image is not None]

    def find(self, uuid: str) -> FolderImage | None:
        """Return the image; raises :class:`OSError` if the folder is unreadable."""
        image = self.pairs().get(uuid)
        return None if image is None else self._completed(image)

    def pairs(self) -> Mapping[str, FolderImage]:
        """Return the images by UUID, as their manifests describe them; reads no image file."""
        with self._lock:
            content = look_at(self._folder)
            stamps: dict[str, tuple[str, Stamp] | str] = {
                name: (file.name, stamp_of(file.status)) for name, file in content.files.items()
            }
            stamps |= content.others
            if stamps != self._stamps:
                self._images = self._scan(content)
                self._stamps = stamps
            return self._images

    def _completed(self, image: FolderImage) -> FolderImage | None:
        try:
            return image.completed()
        except ConnectionError:  # the server has cut the client that waited for it
            raise
        except OSError as error:
            self._skip(SkippedPair(image.source, f"{excerpt(image.path.name)}: {error}"))
            return None

    def _scan(self, content: FolderContent) -> dict[str, FolderImage]:
        images: dict[str, FolderImage] = {}
        for name in sorted({*content.files, *content.others}):
            path = self._folder / name
            if path.suffix not in MANIFEST_SUFFIXES:
                continue
            try:
                image = read_pair(path, content, self._digests)
                uuid = image.manifest["uuid"]
                if uuid in images:
                    other = excerpt(images[uuid].path.name)
                    raise BrokenPairError(f"{other} has the same UUID, {uuid}")
                images[uuid] = image
            except (ImgadmError, BrokenPairError, OSError) as error:
                self._skip(SkippedPair(path, str(error)))
        return images

    def _skip(self, skipped: SkippedPair) -> None:
        if self._on_skip and skipped not in self._told:
            self._told.add(skipped)
            self._on_skip(skipped)
