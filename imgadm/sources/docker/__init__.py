"""Docker and OCI registries: names of images, and the source that has them.

Importing this package loads no HTTP library; the first request does.
"""

from imgadm.sources.docker.errors import NotInRegistryError
from imgadm.sources.docker.images import RemoteImage, RemoteLayer
from imgadm.sources.docker.indexes import Index, parse_index
from imgadm.sources.docker.platforms import Platform
from imgadm.sources.docker.references import Reference, parse_reference
from imgadm.sources.docker.source import DockerSource

__all__ = [
    "DockerSource",
    "Index",
    "NotInRegistryError",
    "Platform",
    "Reference",
    "RemoteImage",
    "RemoteLayer",
    "parse_index",
    "parse_reference",
]
