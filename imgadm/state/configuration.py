"""The configuration file, ``imgadm.conf``: sources, and what has been upgraded.

A JSON object in the layout of imgadm 2 and later. Keys that we do not know, and source entries
that we cannot use, stay in the file as they are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import ConfigError
from imgadm.base.files.replacement import read_or_none, write_atomically
from imgadm.base.redaction import redact_url

if TYPE_CHECKING:
    from imgadm.state.source_config import SourceConfig

OLDEST_VERSION = "1.0.0"
CURRENT_VERSION = "3.0.0"
"""The version whose layout of the state is ours."""


class Configuration:
    """The content of the configuration file, and its defaults where it says nothing.

    Changes are only saved by :meth:`save`. To change the file, hold the state lock from loading to
    saving.
    """

    def __init__(self, path: Path, values: dict[str, Any] | None = None) -> None:
        self.path = path
        self.values: dict[str, Any] = {"dockerImportSkipUuids": True, **(values or {})}
        if self.values.get("sources", 0) is None:  # which says no more than no sources at all
            del self.values["sources"]
        self._check("userAgentExtra", str, "a string")
        self._check("upgradedToVer", str, "a string")
        self._check("sources", list, "an array")
        self._check("mirrors", dict, "an object")

    @classmethod
    def load(cls, path: Path) -> Configuration:
        """Read ``path``; a missing file gives the defaults.

        Raises ConfigError for a file that is not a configuration, FileSystemError for one that
        cannot be read.
        """
        content = read_or_none(path)
        if content is None:
            return cls(path)
        try:
            values = json.loads(content, parse_float=_finite, parse_constant=_finite)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f'config file "{path}" is not valid JSON', cause=error) from error
        if not isinstance(values, dict):
            raise ConfigError(f'config file "{path}" is not a JSON object')
        return cls(path, values)

    def save(self) -> None:
        """Replace the file; only its owner may read one with a secret. Raises FileSystemError."""
        text = json.dumps(self.values, indent=2, ensure_ascii=False)
        content = text.encode("utf-8", "backslashreplace")
        write_atomically(self.path, content, private=self.has_secret, follow=True)

    @property
    def has_secret(self) -> bool:
        """Whether a URL in the file has something in it that is not to be shown.

        That of somebody to write to, in the user agent, is sent to every server anyway.
        """
        return _has_secret({**self.values, "userAgentExtra": None})

    @property
    def exposure(self) -> str | None:
        """What to do about a file with a secret that others can read; None if there is none."""
        if not self.has_secret:
            return None
        try:
            mode = self.path.stat().st_mode
        except OSError:
            return None
        from imgadm.base.files.secrets import exposure_of

        return exposure_of(self.path, mode, "a password or token")

    @property
    def user_agent_extra(self) -> str | None:
        """Text that is appended to the User-Agent."""
        extra: str | None = self.values.get("userAgentExtra")
        return extra

    @property
    def mirrors(self) -> dict[str, Any]:
        """Where images of Docker registries are asked for first: by registry, a list of URLs."""
        mirrors: dict[str, Any] = self.values.get("mirrors", {})
        return mirrors

    @property
    def upgraded_to(self) -> str:
        """The version whose layout the state on this host has."""
        return str(self.values.get("upgradedToVer", OLDEST_VERSION))

    @property
    def has_sources(self) -> bool:
        """Whether sources are configured, be it none at all, and the default does not apply."""
        return "sources" in self.values

    @property
    def sources(self) -> list[SourceConfig]:
        """The usable sources, in order and each once; the default source if none is configured."""
        from imgadm.state.source_rules import DEFAULT_SOURCE, checked_source

        if not self.has_sources:
            return [DEFAULT_SOURCE]
        usable: dict[object, SourceConfig] = {}
        for entry in self.values["sources"]:
            if not _problem(entry):
                source = checked_source(entry)
                usable.setdefault(source.identity, source)
        return list(usable.values())

    @property
    def problems(self) -> list[str]:
        """One text for each source entry that cannot be used."""
        problems = [_problem(entry) for entry in self.values.get("sources", [])]
        return [f'ignoring a source in "{self.path}": {text}' for text in problems if text]

    def set_sources(self, sources: Sequence[SourceConfig]) -> None:
        """Configure exactly ``sources``, besides the entries that cannot be used."""
        unusable = [entry for entry in self.values.get("sources", []) if _problem(entry)]
        self.values["sources"] = [source.to_dict() for source in sources] + unusable

    def _check(self, key: str, wanted: type, name: str) -> None:
        if key in self.values and not isinstance(self.values[key], wanted):
            raise ConfigError(f'"{key}" in config file "{self.path}" is not {name}')


def _has_secret(value: object, *, is_url: bool = False) -> bool:
    if isinstance(value, str):
        return (is_url or "://" in value) and redact_url(value) != value
    if isinstance(value, dict):
        return any(_has_secret(item, is_url=key == "url") for key, item in value.items())
    return isinstance(value, list) and any(map(_has_secret, value))


def _finite(text: str) -> float:
    """Return a number that can be written as JSON again; ValueError for NaN and the like."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no JSON number")
    return number


def _problem(entry: object) -> str | None:
    """Return what is wrong with a source entry, None if nothing is."""
    from imgadm.state.source_rules import checked_source

    try:
        checked_source(entry)
    except ConfigError as error:
        return error.message
    return None
