"""Names in recorded texts that stand for what differs from run to run, and back.

``$IMGAPI`` and ``$IMGAPI_…`` are URLs of 21 characters, ``$UNREACHABLE`` one of 18: tables were
padded for them, so the real URLs must be as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

UNREACHABLE = "http://127.0.0.1:1"
NAME = re.compile(r"\$(IMGAPI(?:_[A-Z0-9]+)*|UNREACHABLE|TMP)\b")


class Placeholders:
    """``url_of`` gives the URL of a source by its placeholder, e.g. ``$IMGAPI_TRUNC``."""

    def __init__(
        self,
        url_of: Callable[[str], str],
        work: str,
        root: str,
        hostname: str,
        *,
        programs: str = "/usr/sbin",
    ) -> None:
        self._url_of = url_of
        self._work = work
        self._root = root
        self._programs = programs
        self._hostname = hostname
        self._used = {"$IMGAPI": url_of("$IMGAPI")}

    def fill(self, value: Any) -> Any:
        """The value with every placeholder in its strings replaced."""
        if isinstance(value, str):
            return NAME.sub(lambda match: self._real(match[0]), value)
        if isinstance(value, list | tuple):
            return [self.fill(item) for item in value]
        if isinstance(value, dict):
            return {key: self.fill(item) for key, item in value.items()}
        return value

    def restore(self, text: str) -> str:
        """The text as it would have been recorded."""
        for name, url in self._used.items():
            text = text.replace(url, name)
            text = text.replace(url.removeprefix("http://"), f"{name}_HOST")
        text = text.replace(UNREACHABLE, "$UNREACHABLE")
        text = text.replace(self._work, "$TMP").replace(self._root, "")
        text = text.replace(self._programs, "/usr/sbin")
        return text.replace(f'"{self._hostname}"', '"$HOSTNAME"')

    def _real(self, name: str) -> str:
        if name == "$TMP":
            return self._work
        if name == "$UNREACHABLE":
            return UNREACHABLE
        host_only = name.endswith("_HOST")
        source = name.removesuffix("_HOST")
        url = self._used.setdefault(source, self._url_of(source))
        return url.removeprefix("http://") if host_only else url
