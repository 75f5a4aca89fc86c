"""The image sources of one run of a command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from imgadm import logs
from imgadm.cli.command import Context
from imgadm.operations import open_sources as operation
from imgadm.sources import (
    ClientOptions,
    Repository,
    Retry,
    Source,
    SourceConfig,
    ping_source,
)
from imgadm.tokens import read_token


def open_sources(context: Context, *, channel: str | None = None) -> list[Source]:
    """Return the configured sources, all for ``channel`` if given; raises NoSourcesError."""
    configuration = context.loaded_configuration()
    for problem in configuration.problems:
        context.warn(problem)
    configs = configuration.sources
    if channel is not None:
        configs = [replace(config, channel=channel) for config in configs]
    return operation.open_sources(configs, client_options(context), warn=context.warn)


def open_these_sources(
    context: Context, urls: Sequence[str], *, channel: str | None = None
) -> list[Source]:
    """Return image servers at ``urls``, whether they are configured or not."""
    configs = [SourceConfig(url, channel=channel) for url in urls]
    return operation.open_sources(configs, client_options(context), warn=context.warn)


def open_repository(
    context: Context, url: str, *, insecure: bool, token_file: str | None
) -> Repository:
    """Return the image server to publish to; raises ConfigError and FileSystemError."""
    return Repository(
        url,
        client_options(context),
        insecure=insecure,
        token=None if token_file is None else read_token(Path(token_file)),
    )


def ping(context: Context, config: SourceConfig) -> None:
    """Raise SourcePingError unless ``config`` answers, ConfigError for a URL that is none."""
    ping_source(config, client_options(context))


def client_options(context: Context) -> ClientOptions:
    """Return who we are to servers; an operator at a terminal sees that a request is repeated."""

    from imgadm.cache import Cache

    def on_retry(retry: Retry) -> None:
        fields = {"fields": {"source": {"url": retry.url}}}
        logs.logger("source").info("%s: %s, trying again", retry.url, retry.reason, extra=fields)
        if sys.stderr.isatty():
            context.warn(f"{retry.url}: {retry.reason}, trying again in {retry.delay:g} s")

    return ClientOptions(
        request_id=context.settings.request_id,
        user_agent_extra=context.loaded_configuration().user_agent_extra or "",
        on_retry=on_retry,
        cache=Cache(context.settings.cache_directory),
    )
