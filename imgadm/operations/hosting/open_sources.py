"""The opening of the sources and registries of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from imgadm.base.errors import ConfigError
from imgadm.sources import ClientOptions, Source, open_source
from imgadm.sources.errors import NoSourcesError
from imgadm.state.source_config import SourceConfig
from imgadm.state.source_rules import DEFAULT_SOURCE, RETIRED_HOSTS

if TYPE_CHECKING:
    from imgadm.sources.docker_source import DockerSource


def open_sources(
    configs: Sequence[SourceConfig], options: ClientOptions, *, warn: Callable[[str], None]
) -> list[Source]:
    """Return a source for each usable one of ``configs``, without Docker registries.

    ``warn`` gets a line about each unusable source, and about each source on a retired host.
    Registries are left out silently, because they do not list images. Raises NoSourcesError if
    ``configs`` is empty.
    """
    if not configs:
        raise NoSourcesError
    sources = []
    for config in configs:
        if config.type == "docker":
            continue
        if urlsplit(config.normalised_url).hostname in RETIRED_HOSTS:
            warn(
                f"{config.display} is on a host that was retired; "
                f'add its successor with "imgadm sources -a {DEFAULT_SOURCE.url}"'
            )
        try:
            sources.append(open_source(config, options))
        except ConfigError as error:
            warn(f"ignoring {config.display}: {error.message}")
    return sources


def open_registries(
    configs: Sequence[SourceConfig], options: ClientOptions, *, warn: Callable[[str], None]
) -> list[DockerSource]:
    """Return the Docker registries among ``configs``; ``warn`` gets a line about unusable ones."""
    from imgadm.sources.docker_source import DockerSource

    registries = []
    for config in configs:
        if config.type == "docker":
            try:
                registries.append(DockerSource(config, options))
            except ConfigError as error:
                warn(f"ignoring {config.display}: {error.message}")
    return registries
