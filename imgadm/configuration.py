"""The configuration file, ``imgadm.conf``: sources, and what has been upgraded.

A JSON object in the layout of imgadm 2 and later. Keys that we do not know, and source entries
that we cannot use, stay in the file as they are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imgadm.errors import ConfigError
from imgadm.files import read_or_none, write_atomically
from imgadm.source_entries import DEFAULT_SOURCE, SourceEntry

OLDEST_VERSION = "1.0.0"


class Configuration:
    """The content of the configuration file, and its defaults where it says nothing.

    Changes are only saved by :meth:`save`. To change the file, hold the state lock from loading to
    saving.
    """

    def __init__(self, path: Path, values: dict[str, Any] | None = None) -> None:
        self.path = path
        self.values: dict[str, Any] = {"dockerImportSkipUuids": True, **(values or {})}
        self._check("userAgentExtra", str, "a string")
        self._check("upgradedToVer", str, "a string")
        self._check("sources", list, "an array")

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
            values = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f'config file "{path}" is not valid JSON', cause=error) from error
        if not isinstance(values, dict):
            raise ConfigError(f'config file "{path}" is not a JSON object')
        return cls(path, values)

    def save(self) -> None:
        """Replace the file; raises FileSystemError."""
        text = json.dumps(self.values, indent=2, ensure_ascii=False)
        write_atomically(self.path, text.encode("utf-8", "backslashreplace"))

    @property
    def user_agent_extra(self) -> str | None:
        """Text that is appended to the User-Agent."""
        extra: str | None = self.values.get("userAgentExtra")
        return extra

    @property
    def upgraded_to(self) -> str:
        """The version whose layout the state on this host has."""
        return str(self.values.get("upgradedToVer", OLDEST_VERSION))

    @property
    def has_sources(self) -> bool:
        """Whether sources are configured, be it none at all, and the default does not apply."""
        return "sources" in self.values

    @property
    def sources(self) -> list[SourceEntry]:
        """The usable sources, in order and each once; the default source if none is configured."""
        return self._usable_sources()[0]

    @property
    def problems(self) -> list[str]:
        """One text for each source entry that cannot be used."""
        return self._usable_sources()[1]

    def set_sources(self, sources: Sequence[SourceEntry]) -> None:
        """Configure exactly ``sources``, besides the entries that cannot be used."""
        kept = [entry for entry in self.values.get("sources", []) if not _is_usable(entry)]
        self.values["sources"] = [source.to_json() for source in sources] + kept

    def _usable_sources(self) -> tuple[list[SourceEntry], list[str]]:
        if not self.has_sources:
            return [DEFAULT_SOURCE], []
        usable: dict[object, SourceEntry] = {}
        problems = []
        for entry in self.values["sources"]:
            try:
                source = SourceEntry.from_json(entry)
            except ConfigError as error:
                problems.append(f'ignoring a source in "{self.path}": {error}')
            else:
                usable.setdefault(source.identity, source)
        return list(usable.values()), problems

    def _check(self, key: str, wanted: type, name: str) -> None:
        if key in self.values and not isinstance(self.values[key], wanted):
            raise ConfigError(f'"{key}" in config file "{self.path}" is not {name}')


def _is_usable(entry: object) -> bool:
    try:
        SourceEntry.from_json(entry)
    except ConfigError:
        return False
    return True
