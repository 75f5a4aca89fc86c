"""The image server that a command publishes to."""

from __future__ import annotations

from pathlib import Path

from imgadm.base.files.secrets import read_token
from imgadm.base.urls import with_scheme
from imgadm.cli.context import RunContext
from imgadm.sources import Repository


def open_repository(context: RunContext, url: str) -> Repository:
    """Return the image server at ``url``, with the trust and the token that the options give it.

    Raises ConfigError for a URL that makes no sense, and FileSystemError if the token file cannot
    be read.
    """
    token_file = context.options.text("--token-file")
    return Repository(
        with_scheme(url),
        context.client_options(),
        insecure=context.options.flag("--insecure"),
        token=None if token_file is None else read_token(Path(token_file), warn=context.warn),
    )
