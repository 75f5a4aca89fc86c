"""Changes of the configured image sources, and whether they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from imgadm.base.errors import ConfigError, ImgadmError
from imgadm.base.locks.holder import OnWait
from imgadm.base.locks.terms import Locks
from imgadm.base.redaction import HIDDEN, SecretUrl
from imgadm.base.settings import Settings
from imgadm.operations.asking import ask_all
from imgadm.state.configuration import Configuration
from imgadm.state.source_config import SourceConfig
from imgadm.state.source_rules import check_source

Ping = Callable[[SourceConfig], None]
"""Raises ImgadmError if a source does not answer as one of its type should."""


@dataclass(frozen=True)
class Addition:
    """The source that was added, or the one that was there already."""

    source: SourceConfig
    added: bool


@dataclass(frozen=True)
class Replacement:
    """What a new list of sources changed, each part in its list's order."""

    deleted: list[SourceConfig]
    added: list[SourceConfig]
    reordered: bool

    @property
    def changed(self) -> bool:
        return bool(self.deleted or self.added or self.reordered)


@dataclass(frozen=True)
class Check:
    """How a source answered; ``error`` is None if it did well."""

    source: SourceConfig
    error: ImgadmError | None


def add_source(
    settings: Settings,
    source: SourceConfig,
    *,
    ping: Ping | None,
    on_wait: OnWait | None = None,
) -> Addition:
    """Append a source, once it answers ``ping`` if that is given.

    ``on_wait`` is told if another process is changing the configuration. Raises ConfigError for a
    source that makes no sense, and what ``ping`` raises; the configuration is as before then.
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
    """Remove all sources at ``url``, whatever their type, and return them; none is no error."""
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
    """Configure exactly ``wanted``, each once, once the new ones among them answer ``ping``.

    A wanted source that is there already, by type, URL as typed and ``insecure``, stays what it
    is, with its channel and whatever else its entry says; so does one whose URL has no secrets in
    it where the source has some. Raises as :func:`add_source`.
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
    """Ping all sources at once; ``on_slow`` hears of those that are waited for."""
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
    """Yield ``wanted``, with the secrets of ``current`` where a URL is one as it is shown.

    Raises ConfigError for one that has secrets left out, and is none of ``current``.
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
                f'"{source.url}" is no URL of a source here, and has {HIDDEN} in it where a secret '
                "stands: write that"
            )
        else:
            yield source


def _is_at(source: SourceConfig, url: str) -> bool:
    """Tell whether ``url`` means the source, with its secrets or as it is shown without them.

    Without a scheme it means an image server with either.
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
