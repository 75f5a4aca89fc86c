"""The configuration file, ``imgadm.conf``: sources, settings, and the version of the state.

The file is a JSON object in the layout of imgadm 2 and later. Unknown keys and unusable source
entries stay in the file as they are.
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
"""The version of a configuration that does not name one."""

CURRENT_VERSION = "3.0.0"
"""The version of imgadm that introduced the current layout of the state."""


class Configuration:
    """The content of the configuration file, with defaults for missing keys.

    :meth:`save` writes changes to the file. To change the file, hold the state lock from loading
    to saving.
    """

    def __init__(self, path: Path, values: dict[str, Any] | None = None) -> None:
        self.path = path
        self.values: dict[str, Any] = {"dockerImportSkipUuids": True, **(values or {})}
        if self.values.get("sources", 0) is None:  # which means the same as no key
            del self.values["sources"]
        self._check("userAgentExtra", str, "a string")
        self._check("upgradedToVer", str, "a string")
        self._check("sources", list, "an array")
        self._check("mirrors", dict, "an object")

    @classmethod
    def load(cls, path: Path) -> Configuration:
        """Return the configuration in the file ``path``, or the defaults if there is no file.

        Raises ConfigError if the file is not a configuration, FileSystemError if it is unreadable.
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
        """Replace the file, with mode 0600 if it has a secret. Raises FileSystemError."""
        text = json.dumps(self.values, indent=2, ensure_ascii=False)
        content = text.encode("utf-8", "backslashreplace")
        write_atomically(self.path, content, private=self.has_secret, follow=True)

    @property
    def has_secret(self) -> bool:
        """Whether a URL in the file has a secret, such as a password.

        The user agent does not count, because every server gets it.
        """
        return _has_secret({**self.values, "userAgentExtra": None})

    @property
    def exposure(self) -> str | None:
        """A warning if the file has a secret and other users can read it, else None."""
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
        """The text at the end of the User-Agent."""
        extra: str | None = self.values.get("userAgentExtra")
        return extra

    @property
    def mirrors(self) -> dict[str, Any]:
        """The mirrors that are asked before a registry: by registry, a list of URLs."""
        mirrors: dict[str, Any] = self.values.get("mirrors", {})
        return mirrors

    @property
    def upgraded_to(self) -> str:
        """The version of imgadm whose layout the state of this host has."""
        return str(self.values.get("upgradedToVer", OLDEST_VERSION))

    @property
    def has_sources(self) -> bool:
        """Whether the file has a list of sources, even an empty one, in place of the default."""
        return "sources" in self.values

    @property
    def sources(self) -> list[SourceConfig]:
        """The usable sources, in order and each once; the default source without a list."""
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
        """One warning for each unusable source entry."""
        problems = [_problem(entry) for entry in self.values.get("sources", [])]
        return [f'ignoring a source in "{self.path}": {text}' for text in problems if text]

    def set_sources(self, sources: Sequence[SourceConfig]) -> None:
        """Configure ``sources`` and nothing else; unusable entries stay."""
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
    """Return the number in ``text``; raises ValueError if JSON cannot express it, such as NaN."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no JSON number")
    return number


def _problem(entry: object) -> str | None:
    """Return the fault of a source entry, None if it is usable."""
    from imgadm.state.source_rules import checked_source

    try:
        checked_source(entry)
    except ConfigError as error:
        return error.message
    return None
