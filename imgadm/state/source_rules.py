"""The rules for configured image sources, and the default source."""

from __future__ import annotations

from imgadm.base.errors import ConfigError
from imgadm.base.redaction import SecretUrl
from imgadm.base.urls import dsapi_root
from imgadm.state.source_config import SourceConfig

SOURCE_TYPES = ("imgapi", "dsapi", "docker")
DEFAULT_SOURCE = SourceConfig(SecretUrl("https://images.smartos.org"))
RETIRED_HOSTS = frozenset(
    {"images.joyent.com", "datasets.joyent.com", "datasets.tritondatacenter.com"}
)
"""The hosts of former public sources, which :data:`DEFAULT_SOURCE` has replaced."""


def check_source(source: SourceConfig) -> None:
    """Raise ConfigError unless the type of ``source`` is known and its URL is one of that type."""
    if source.type not in SOURCE_TYPES:
        raise ConfigError(f'invalid source type: "{source.type}"')
    if source.type == "docker":
        from imgadm.registry.references.registry_names import parse_registry_name

        parse_registry_name(source.url.reveal())
        return
    _ = source.normalised_url
    if source.type == "dsapi":
        dsapi_root(source.url.reveal())


def checked_source(entry: object) -> SourceConfig:
    """Return the source that ``entry`` describes; raises ConfigError for an unusable entry."""
    source = SourceConfig.from_dict(entry)
    check_source(source)
    return source
