"""The options of the HTTP clients of a command, and the warnings that they print."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from imgadm.base import logs
from imgadm.base.errors import ConfigError
from imgadm.base.files.cache import Cache
from imgadm.base.urls import goes_in_the_clear
from imgadm.client.options import ClientOptions, Retry
from imgadm.sources import ping_source
from imgadm.state.source_config import SourceConfig

if TYPE_CHECKING:
    from imgadm.cli.context import RunContext


def client_options(context: RunContext) -> ClientOptions:
    """Return the options of clients; at a terminal the operator sees that a request is repeated."""

    def on_retry(retry: Retry) -> None:
        fields = {"fields": {"source": {"url": retry.url}}}
        logs.logger("source").info("%s: %s, trying again", retry.url, retry.reason, extra=fields)
        if sys.stderr.isatty():
            context.warn(f"{retry.url}: {retry.reason}, trying again in {retry.delay:g} s")

    def on_exposed(host: str) -> None:
        context.warn_once(
            f"a password or token goes to {host} over plain http: anybody on the network path can "
            "read it"
        )

    return ClientOptions(
        request_id=context.settings.request_id,
        user_agent_extra=context.configuration.user_agent_extra or "",
        on_retry=on_retry,
        on_unchecked=context.note_unchecked,
        on_exposed=on_exposed,
        on_shared_secret=context.warn_once,
        cache=Cache(context.settings.cache_directory),
        mirrors=context.configuration.mirrors,
    )


def ping(context: RunContext, config: SourceConfig) -> None:
    """Raise SourcePingError unless ``config`` answers, and ConfigError if its URL is invalid."""
    ping_source(config, client_options(context))


def plain_http_warning(config: SourceConfig) -> str | None:
    """Return a warning about a source that is reached over plain http, None for any other."""
    try:
        exposed = goes_in_the_clear(config.normalised_url.reveal())
    except ConfigError:
        return None
    if not exposed:
        return None
    return (
        f"{config.url} is reached over plain http: anybody on the network path can read and change "
        "its answers"
    )
