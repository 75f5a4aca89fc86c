"""Changes to the configured image sources, and checks whether they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from imgadm.base.errors import ConfigError, ImgadmError
from imgadm.base.locks.command_locks import Locks
from imgadm.base.locks.holder import OnWait
from imgadm.base.redaction import HIDDEN, SecretUrl
from imgadm.base.settings import Settings
from imgadm.operations.ask_servers import ask_all
from imgadm.state.configuration import Configuration
from imgadm.state.source_config import SourceConfig
from imgadm.state.source_rules import check_source

Ping = Callable[[SourceConfig], None]
"""A function that raises ImgadmError if a source does not answer as one of its type should."""


@dataclass(frozen=True)
class Addition:
    """The added source, or the equal one that was configured already."""

    source: SourceConfig
    added: bool


@dataclass(frozen=True)
class Replacement:
    """The changes of a new list of sources, each part in the order of its list."""

    deleted: list[SourceConfig]
    added: list[SourceConfig]
    reordered: bool

    @property
    def changed(self) -> bool:
        """Whether there is any change."""
        return bool(self.deleted or self.added or self.reordered)


@dataclass(frozen=True)
class Check:
    """The outcome of a check of a source; ``error`` is None if it answered well."""

    source: SourceConfig
    error: ImgadmError | None


def add_source(
    settings: Settings,
    source: SourceConfig,
    *,
    ping: Ping | None,
    on_wait: OnWait | None = None,
) -> Addition:
    """Append ``source`` to the configuration, after ``ping`` of it unless that is None.

    ``on_wait`` is called if another process is changing the configuration. Raises ConfigError for
    an invalid source, and what ``ping`` raises; the configuration is unchanged then.
    """
    check_source(source)
    configuration = Configuration.load(settings.configuration_path)
    (source,) = _with_secrets([source], configuration.sources)
    existing = _find(configuration, source)
    if existing is not None:
        return Addition(existing, added=False)
    if ping is not None:
        ping(source)
    with _changing(settings, on_wait) as configuration:
        existing = _find(configuration, source)
        if existing is not None:
            return Addition(existing, added=False)
        configuration.set_sources([*configuration.sources, source])
        configuration.save()
    return Addition(source, added=True)


def delete_sources(
    settings: Settings, url: str, *, on_wait: OnWait | None = None
) -> list[SourceConfig]:
    """Remove all sources at ``url``, of any type, and return them; there may be none."""
    with _changing(settings, on_wait) as configuration:
        sources = configuration.sources
        deleted = [source for source in sources if _is_at(source, url)]
        if deleted:
            configuration.set_sources([source for source in sources if source not in deleted])
            configuration.save()
    return deleted


def replace_sources(
    settings: Settings,
    wanted: Sequence[SourceConfig],
    *,
    ping: Ping | None,
    on_wait: OnWait | None = None,
) -> Replacement:
    """Configure exactly ``wanted``, each once, after ``ping`` of the new ones unless that is None.

    A source with the same type, typed URL and ``insecure`` as a configured one keeps the configured
    entry, with its channel and other keys. This also holds if the URL hides the secrets of the
    configured one. Raises as :func:`add_source`.
    """
    current = Configuration.load(settings.configuration_path).sources
    known = {_typed(source): source for source in current}
    meant = _with_secrets(wanted, current)
    result = list({_typed(it): known.get(_typed(it), it) for it in meant}.values())
    added = [source for source in result if _typed(source) not in known]
    for source in added:
        check_source(source)
        if ping is not None:
            ping(source)
    with _changing(settings, on_wait) as configuration:
        before = configuration.sources
        deleted = [source for source in before if source not in result]
        kept = [source for source in before if source in result]
        reordered = kept != [source for source in result if source in before]
        replacement = Replacement(deleted, added, reordered)
        if replacement.changed:
            configuration.set_sources(result)
            configuration.save()
    return replacement


def check_sources(
    sources: Sequence[SourceConfig],
    *,
    ping: Ping,
    on_slow: Callable[[SourceConfig], None] | None = None,
) -> list[Check]:
    """Return the outcome of ``ping`` for all sources, which are asked at once.

    ``on_slow`` gets each source without an answer after some seconds.
    """
    errors = ask_all(ping, sources, on_slow=on_slow)
    return [Check(source, error) for source, error in zip(sources, errors, strict=True)]


@contextmanager
def _changing(settings: Settings, on_wait: OnWait | None) -> Iterator[Configuration]:
    with Locks(settings.lock_directory, "imgadm sources").state(on_wait=on_wait):
        yield Configuration.load(settings.configuration_path)


def _find(configuration: Configuration, wanted: SourceConfig) -> SourceConfig | None:
    same = (source for source in configuration.sources if source.identity == wanted.identity)
    return next(same, None)


def _typed(source: SourceConfig) -> tuple[str, SecretUrl, bool]:
    return source.type, source.url, bool(source.insecure)


def _with_secrets(
    wanted: Sequence[SourceConfig], current: Sequence[SourceConfig]
) -> Iterator[SourceConfig]:
    """Yield ``wanted``, with the secrets of ``current`` in place of hidden ones.

    Raises ConfigError for a URL with a hidden secret that belongs to none of ``current``.
    """
    left = [source for source in current if source.url.has_secret]
    for source in wanted:
        typed = source.url.reveal()
        same = [it for it in left if str(it.url) == typed and it.type == source.type]
        if same:
            found = min(same, key=lambda it: bool(it.insecure) is not bool(source.insecure))
            left.remove(found)
            yield replace(source, url=found.url)
        elif HIDDEN in typed:
            raise ConfigError(
                f'"{source.url}" is not the URL of a configured source, but has {HIDDEN} in place '
                "of a secret: write the secret"
            )
        else:
            yield source


def _is_at(source: SourceConfig, url: str) -> bool:
    """Tell whether ``url`` means ``source``, whether it has the secrets or hides them.

    A ``url`` without a scheme means an image server with http or https.
    """
    if url in (str(source.url), source.url.reveal()):
        return True
    spellings = [url]
    if "://" not in url and source.type != "docker":
        spellings += [f"http://{url}", f"https://{url}"]
    return any(_is_same(source, spelling) for spelling in spellings)


def _is_same(source: SourceConfig, url: str) -> bool:
    try:
        own, given = source.normalised_url, replace(source, url=SecretUrl(url)).normalised_url
    except ConfigError:
        return False
    return own == given or str(own) == given.reveal()
