"""The context of one command: its words, the configuration, and access to pools and sources."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from imgadm.base.logs import Log
from imgadm.base.redaction import redact_text, redact_words
from imgadm.base.settings import Settings
from imgadm.base.text import printable
from imgadm.cli.options import Options

if TYPE_CHECKING:
    from imgadm.base.locks.command_locks import Locks
    from imgadm.client.options import ClientOptions
    from imgadm.pools.base import Pool
    from imgadm.sources import Source
    from imgadm.sources.docker_source import DockerSource
    from imgadm.state.configuration import Configuration
    from imgadm.state.source_config import SourceConfig


# Pools, sources and locks are imported by the methods that open them, so that a command loads only
# those that it uses.
class RunContext:
    """The only argument of a command's ``run``.

    ``name`` is the command as it was typed, ``words`` are all words after it. ``options`` and
    ``arguments`` are the two parts of those words.
    """

    def __init__(
        self,
        log: Log,
        name: str,
        words: Sequence[str],
        options: Options,
        arguments: Sequence[str],
    ) -> None:
        self.log = log
        self.name = name
        self.words = words
        self.options = options
        self.arguments = arguments
        self._configuration: Configuration | None = None
        self._warned: set[str] = set()
        self._unchecked: dict[str, None] = {}

    @cached_property
    def settings(self) -> Settings:
        """The settings in the environment; raises ImgadmError for those that make no sense."""
        return Settings.from_environment(os.environ, uid=os.getuid(), request=self.log.request_id)

    @property
    def command_line(self) -> str:
        """The whole command without its secrets, which names the holder of a lock to others."""
        return " ".join(("imgadm", self.name, *redact_words(self.words)))

    @property
    def configuration(self) -> Configuration:
        """The configuration, for a command that declares that it uses it."""
        assert self._configuration is not None
        return self._configuration

    def use_configuration(self, configuration: Configuration) -> None:
        """Take ``configuration`` as that of the run, and warn if other users can read secrets."""
        self._configuration = configuration
        if exposure := configuration.exposure:
            self.warn(exposure)

    def pool(self) -> Pool:
        """Return the pool that ``-P`` names, or else the default pool.

        Does not check that the pool exists. Raises InternalError for a zpool on a host without ZFS.
        """
        from imgadm.pools import open_pool

        return open_pool(self.settings, self.options.text("-P") or None)

    def pools(self, *, recorded: bool = False) -> list[Pool]:
        """Return the pool that ``-P`` names, or else all pools of this host.

        With ``recorded``, zpools that are gone are returned too, as long as they have records.
        Raises InternalError like :meth:`pool`.
        """
        if self.options.text("-P"):
            return [self.pool()]
        from imgadm.pools import host_pools

        return host_pools(self.settings, recorded=recorded)

    def locks(self) -> Locks:
        """Return the locks of this run, which waits for them unless ``--no-wait`` was given."""
        from imgadm.base.locks.command_locks import Locks

        return Locks(
            directory=self.settings.lock_directory,
            command=self.command_line,
            wait=not self.options.flag("--no-wait"),
        )

    def sources(self, *, urls: Sequence[str] = (), channel: str | None = None) -> list[Source]:
        """Return the configured sources, or else the image servers at ``urls`` if there are any.

        All are asked for ``channel`` if one is given. Raises NoSourcesError if no source is
        configured, and ConfigError for a URL that makes no sense.
        """
        from imgadm.operations.hosting.open_sources import open_sources
        from imgadm.state.source_config import SourceConfig

        if urls:
            configs: Sequence[SourceConfig] = [
                SourceConfig.at(url, channel=channel) for url in urls
            ]
        else:
            configs = self._configured_sources()
            if channel is not None:
                configs = [replace(config, channel=channel) for config in configs]
        return open_sources(configs, self.client_options(), warn=self.warn)

    def registries(self) -> list[DockerSource]:
        """Return the configured Docker registries, which may be none."""
        if all(config.type != "docker" for config in self.configuration.sources):
            return []
        from imgadm.operations.hosting.open_sources import open_registries

        return open_registries(self._configured_sources(), self.client_options(), warn=self.warn)

    def _configured_sources(self) -> Sequence[SourceConfig]:
        """Return the sources of the configuration, and warn of the problems found in it."""
        for problem in self.configuration.problems:
            self.warn(problem)
        return self.configuration.sources

    def client_options(self) -> ClientOptions:
        """Return the options of all HTTP clients of this run."""
        from imgadm.cli.clients import client_options

        return client_options(
            self.settings,
            self.configuration,
            warn=self.warn,
            warn_once=self.warn_once,
            note_unchecked=self.note_unchecked,
        )

    def warn(self, message: str) -> None:
        """Print on stderr a warning that does not stop the command."""
        sys.stdout.flush()
        line = redact_text(f"imgadm {self.name}: warning: {message}")
        print(printable(line, keep="\n\t"), file=sys.stderr)

    def warn_once(self, message: str) -> None:
        """Print a warning, unless this run has printed the same one before."""
        if message not in self._warned:
            self._warned.add(message)
            self.warn(message)

    def note_unchecked(self, host: str) -> None:
        """Remember that this run trusted ``host`` without checking its certificate."""
        self._unchecked[host] = None

    def warn_of_unchecked(self) -> None:
        """Print a warning for each host whose certificate was not checked, at the end of a run."""
        for host in list(self._unchecked):
            self.warn(
                f"the certificate of {host} was not checked: anybody on the network path could "
                "have answered in its place"
            )
        self._unchecked.clear()
