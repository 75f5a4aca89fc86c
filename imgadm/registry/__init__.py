"""The client of Docker and OCI registries: names of images, and the look-up of images by name.

Importing this package loads no HTTP library; the first request does.
"""

from imgadm.registry.documents.images import RemoteImage, RemoteLayer
from imgadm.registry.errors import NotInRegistryError
from imgadm.registry.references.platforms import Platform
from imgadm.registry.references.reference import Reference, parse_reference
from imgadm.registry.references.registry_names import RegistryName, parse_registry_name

__all__ = [
    "NotInRegistryError",
    "Platform",
    "Reference",
    "RegistryName",
    "RemoteImage",
    "RemoteLayer",
    "parse_reference",
    "parse_registry_name",
]
