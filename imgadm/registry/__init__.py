"""The client of Docker and OCI registries: names of images, and the look-up of images by name.

Importing this package loads no HTTP library; the first request does.
"""

from imgadm.registry.documents.images import RemoteImage, RemoteLayer
from imgadm.registry.errors import NotInRegistryError
from imgadm.registry.references.indexes import Index, parse_index
from imgadm.registry.references.platforms import Platform
from imgadm.registry.references.reference import Reference, parse_reference

__all__ = [
    "Index",
    "NotInRegistryError",
    "Platform",
    "Reference",
    "RemoteImage",
    "RemoteLayer",
    "parse_index",
    "parse_reference",
]
