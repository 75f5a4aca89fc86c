"""The image sources of one run of a command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imgadm.base import logs
from imgadm.base.errors import ConfigError
from imgadm.base.files.secrets import read_token
from imgadm.base.urls import goes_in_the_clear, with_scheme
from imgadm.cli.command import Context
from imgadm.operations.hosting import open_sources as operation
from imgadm.sources import ClientOptions, Repository, Retry, Source, ping_source
from imgadm.state.source_config import SourceConfig

if TYPE_CHECKING:
    from imgadm.sources.registry import DockerSource


def open_sources(context: Context, *, channel: str | None = None) -> list[Source]:
    """Return the configured sources, all for ``channel`` if given; raises NoSourcesError."""
    configs = _configured(context)
    if channel is not None:
        configs = [replace(config, channel=channel) for config in configs]
    return operation.open_sources(configs, client_options(context), warn=context.warn)


def _configured(context: Context) -> Sequence[SourceConfig]:
    """Return the sources of the configuration, after a word on what is wrong with it."""
    configuration = context.loaded_configuration()
    for problem in configuration.problems:
        context.warn(problem)
    return configuration.sources


def open_these_sources(
    context: Context, urls: Sequence[str], *, channel: str | None = None
) -> list[Source]:
    """Return image servers at ``urls``, whether they are configured or not."""
    configs = [SourceConfig.at(url, channel=channel) for url in urls]
    return operation.open_sources(configs, client_options(context), warn=context.warn)


def open_registries(context: Context) -> list[DockerSource]:
    """Return the configured Docker registries; there may be none."""
    if all(config.type != "docker" for config in context.loaded_configuration().sources):
        return []
    configs = _configured(context)
    return operation.open_registries(configs, client_options(context), warn=context.warn)


def open_repository(
    context: Context, url: str, *, insecure: bool, token_file: str | None
) -> Repository:
    """Return the image server to publish to; raises ConfigError and FileSystemError."""
    return Repository(
        with_scheme(url),
        client_options(context),
        insecure=insecure,
        token=None if token_file is None else read_token(Path(token_file), warn=context.warn),
    )


def plain_http_warning(config: SourceConfig) -> str | None:
    """Return what to know of a source that is asked over plain http, None for any other."""
    try:
        exposed = goes_in_the_clear(config.normalised_url.reveal())
    except ConfigError:
        return None
    if not exposed:
        return None
    return (
        f"{config.url} is asked over plain http: whoever is on the way can read and change what "
        "comes from it"
    )


def ping(context: Context, config: SourceConfig) -> None:
    """Raise SourcePingError unless ``config`` answers, ConfigError for a URL that is none."""
    ping_source(config, client_options(context))


def client_options(context: Context) -> ClientOptions:
    """Return who we are to servers; an operator at a terminal sees that a request is repeated."""

    from imgadm.base.files.cache import Cache

    def on_retry(retry: Retry) -> None:
        fields = {"fields": {"source": {"url": retry.url}}}
        logs.logger("source").info("%s: %s, trying again", retry.url, retry.reason, extra=fields)
        if sys.stderr.isatty():
            context.warn(f"{retry.url}: {retry.reason}, trying again in {retry.delay:g} s")

    def on_exposed(host: str) -> None:
        context.warn_once(
            f"a password or token goes to {host} over plain http, where whoever is on the way can "
            "read it"
        )

    return ClientOptions(
        request_id=context.settings.request_id,
        user_agent_extra=context.loaded_configuration().user_agent_extra or "",
        on_retry=on_retry,
        on_unchecked=context.note_unchecked,
        on_exposed=on_exposed,
        on_shared_secret=context.warn_once,
        cache=Cache(context.settings.cache_directory),
        mirrors=context.loaded_configuration().mirrors,
    )
