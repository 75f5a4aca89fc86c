"""An IMGAPI server: any image manager that speaks IMGAPI can import from it.

::

    with ImageServer(FolderCatalogue(Path("/export/images")), port=0) as server:
        print(server.url)

It can only be read, unless it is given a :class:`Writer`.
"""

from __future__ import annotations

from imgadm.serve.catalogues.catalogue import (
    Catalogue,
    CombinedCatalogue,
    GeneratedBytes,
    HostedImage,
    StoredBytes,
)
from imgadm.serve.catalogues.digests import DigestStore
from imgadm.serve.catalogues.folder import FolderCatalogue, SkippedPair
from imgadm.serve.catalogues.kept_digests import KeptDigests
from imgadm.serve.catalogues.writable_folder import MAX_UPLOAD_BYTES, WritableFolder
from imgadm.serve.http.handler import AccessRecord
from imgadm.serve.http.host_names import is_host_name
from imgadm.serve.imgapi.writer import Writer
from imgadm.serve.server import ImageServer

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
