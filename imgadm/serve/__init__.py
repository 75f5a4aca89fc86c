"""An IMGAPI server, from which every image manager that speaks IMGAPI can import.

::

    with ImageServer(FolderCatalogue(Path("/export/images")), port=0) as server:
        print(server.url)

Clients can only read from it, unless it is given a :class:`Writer`.
"""

from __future__ import annotations

from imgadm.serve.catalogues.catalogue import Catalogue, CombinedCatalogue, HostedImage
from imgadm.serve.catalogues.digests import DigestStore
from imgadm.serve.catalogues.folder import FolderCatalogue
from imgadm.serve.catalogues.kept_digests import KeptDigests
from imgadm.serve.catalogues.pairs import SkippedPair
from imgadm.serve.catalogues.writable.uploads import MAX_UPLOAD_BYTES
from imgadm.serve.catalogues.writable.writable_folder import WritableFolder
from imgadm.serve.content import GeneratedBytes, StoredBytes
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
