"""Image sources of all types, behind one interface.

:func:`open_source` turns an entry of the configuration into a :class:`Source`. Importing this
package and opening a source load no HTTP library. The first request does. The modules for
registries are loaded with the first source of that type.
"""

from __future__ import annotations

from imgadm.base.errors import ConfigError
from imgadm.client.errors import SourceError, StatusError, UnreachableError, UnusableReplyError
from imgadm.client.options import ClientOptions, Retry
from imgadm.sources.dsapi import DsapiSource
from imgadm.sources.imgapi import ImgapiSource
from imgadm.sources.publishing import Repository
from imgadm.sources.source import FileRequest, Source
from imgadm.state.source_config import SourceConfig

__all__ = [
    "ClientOptions",
    "FileRequest",
    "Repository",
    "Retry",
    "Source",
    "SourceError",
    "StatusError",
    "UnreachableError",
    "UnusableReplyError",
    "open_source",
    "ping_source",
]

_TYPES = {"imgapi": ImgapiSource, "dsapi": DsapiSource}


def open_source(config: SourceConfig, options: ClientOptions | None = None) -> Source:
    """Return the source that ``config`` describes.

    Raises :class:`ConfigError` for an unknown type, and for a URL that is invalid for the type.
    """
    if config.type == "docker":
        from imgadm.sources.docker_source import DockerSource

        return DockerSource(config, options)
    source = _TYPES.get(config.type)
    if source is None:
        raise ConfigError(f'invalid source type: "{config.type}"')
    return source(config, options)


def ping_source(config: SourceConfig, options: ClientOptions | None = None) -> None:
    """Ask the server of ``config`` whether it is a source of its type.

    Raises :class:`SourcePingError` if it is not, or does not answer, and :class:`ConfigError` as
    :func:`open_source` does.
    """
    with open_source(config, options) as source:
        source.ping()
