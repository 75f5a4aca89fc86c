"""Where images come from, behind one interface.

:func:`open_source` turns an entry of the configuration into a :class:`Source`. Importing this
package, and opening a source, loads no HTTP library; the first request does. What registries need
is loaded with the first of them.
"""

from __future__ import annotations

from imgadm.base.errors import ConfigError
from imgadm.client.errors import SourceError, StatusError, UnreachableError, UnusableReplyError
from imgadm.client.options import ClientOptions, Retry
from imgadm.sources.base import FileRequest, Source
from imgadm.sources.dsapi import DsapiSource
from imgadm.sources.imgapi import ImgapiSource
from imgadm.sources.publishing import Repository
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

    Raises :class:`ConfigError` for a type or a URL that is none.
    """
    if config.type == "docker":
        from imgadm.sources.registry import DockerSource

        return DockerSource(config, options)
    source = _TYPES.get(config.type)
    if source is None:
        raise ConfigError(f'invalid source type: "{config.type}"')
    return source(config, options)


def ping_source(config: SourceConfig, options: ClientOptions | None = None) -> None:
    """Raise :class:`SourcePingError` unless ``config`` answers as a source of its type should.

    Raises :class:`ConfigError` as :func:`open_source`.
    """
    with open_source(config, options) as source:
        source.ping()
