"""A read-only IMGAPI server: any image manager that speaks IMGAPI can import from it.

::

    with ImageServer(FolderCatalogue(Path("/export/images")), port=0) as server:
        print(server.url)
"""

from __future__ import annotations

from imgadm.serve.catalogue import (
    Catalogue,
    CombinedCatalogue,
    GeneratedBytes,
    HostedImage,
    StoredBytes,
)
from imgadm.serve.folder import FolderCatalogue, SkippedPair
from imgadm.serve.handler import AccessRecord
from imgadm.serve.server import ImageServer

__all__ = [
    "AccessRecord",
    "Catalogue",
    "CombinedCatalogue",
    "FolderCatalogue",
    "GeneratedBytes",
    "HostedImage",
    "ImageServer",
    "SkippedPair",
    "StoredBytes",
]
