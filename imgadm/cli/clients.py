"""The options of the HTTP clients of a command, and the warnings that they print."""

from __future__ import annotations

import sys
from collections.abc import Callable

from imgadm.base import logs
from imgadm.base.errors import ConfigError
from imgadm.base.files.cache import Cache
from imgadm.base.settings import Settings
from imgadm.base.urls import goes_in_the_clear
from imgadm.client.options import ClientOptions, Retry
from imgadm.state.configuration import Configuration
from imgadm.state.source_config import SourceConfig


def client_options(
    settings: Settings,
    configuration: Configuration,
    *,
    warn: Callable[[str], None],
    warn_once: Callable[[str], None],
    note_unchecked: Callable[[str], None],
) -> ClientOptions:
    """Return the options of clients; at a terminal the operator sees that a request is repeated."""

    def on_retry(retry: Retry) -> None:
        fields = {"fields": {"source": {"url": retry.url}}}
        logs.logger("source").info("%s: %s, trying again", retry.url, retry.reason, extra=fields)
        if sys.stderr.isatty():
            warn(f"{retry.url}: {retry.reason}, trying again in {retry.delay:g} s")

    def on_exposed(host: str) -> None:
        warn_once(
            f"a password or token goes to {host} over plain http: anybody on the network path can "
            "read it"
        )

    return ClientOptions(
        request_id=settings.request_id,
        user_agent_extra=configuration.user_agent_extra or "",
        on_retry=on_retry,
        on_unchecked=note_unchecked,
        on_exposed=on_exposed,
        on_shared_secret=warn_once,
        cache=Cache(settings.cache_directory),
        mirrors=configuration.mirrors,
    )


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
