"""An IMGAPI server: any image manager that speaks IMGAPI can import from it.

::

    with ImageServer(FolderCatalogue(Path("/export/images")), port=0) as server:
        print(server.url)

It can only be read, unless it is given a :class:`Writer`.
"""

from __future__ import annotations

from imgadm.serve.catalogue import (
    Catalogue,
    CombinedCatalogue,
    GeneratedBytes,
    HostedImage,
    StoredBytes,
)
from imgadm.serve.digests import DigestStore
from imgadm.serve.folder import FolderCatalogue, SkippedPair
from imgadm.serve.handler import AccessRecord
from imgadm.serve.host_names import is_host_name
from imgadm.serve.kept_digests import KeptDigests
from imgadm.serve.server import ImageServer
from imgadm.serve.writable_folder import MAX_UPLOAD_BYTES, WritableFolder
from imgadm.serve.writer import Writer

__all__ = [
    "MAX_UPLOAD_BYTES",
    "AccessRecord",
    "Catalogue",
    "CombinedCatalogue",
    "DigestStore",
    "FolderCatalogue",
    "GeneratedBytes",
    "HostedImage",
    "ImageServer",
    "KeptDigests",
    "SkippedPair",
    "StoredBytes",
    "WritableFolder",
    "Writer",
    "is_host_name",
]
