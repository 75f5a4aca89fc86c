"""The image sources of one run of a command."""

from __future__ import annotations

import sys

from imgadm import logs
from imgadm.cli.command import Context
from imgadm.operations import open_sources as operation
from imgadm.sources import ClientOptions, Retry, Source, SourceConfig, open_source


def open_sources(context: Context) -> list[Source]:
    """Return the configured sources; raises NoSourcesError."""
    configuration = context.loaded_configuration()
    for problem in configuration.problems:
        context.warn(problem)
    return operation.open_sources(configuration.sources, client_options(context), warn=context.warn)


def ping(context: Context, config: SourceConfig) -> None:
    """Raise SourcePingError unless ``config`` answers, ConfigError for a type we cannot ask."""
    with open_source(config, client_options(context)) as source:
        source.ping()


def client_options(context: Context) -> ClientOptions:
    """Return who we are to servers; an operator at a terminal sees that a request is repeated."""

    def on_retry(retry: Retry) -> None:
        logs.logger("sources").info("%s: %s, trying again", retry.url, retry.reason)
        if sys.stderr.isatty():
            context.warn(f"{retry.url}: {retry.reason}, trying again in {retry.delay:g} s")

    return ClientOptions(
        request_id=context.settings.request_id,
        user_agent_extra=context.loaded_configuration().user_agent_extra or "",
        on_retry=on_retry,
    )
