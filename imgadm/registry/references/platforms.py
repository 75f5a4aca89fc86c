"""Platforms that images are made for, and which of them runs what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from imgadm.base.errors import UsageError
from imgadm.base.text import excerpt

_WORD = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_OTHER_NAMES = {
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "i386": ("386", None),
    "i686": ("386", None),
    "aarch64": ("arm64", None),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_UNSAID = {"amd64": "v1", "arm64": "v8", "arm": "v7"}
"""What an architecture without a variant means."""

_LETTERED = frozenset(_UNSAID)
"""Architectures all of whose variants begin with a ``v``."""

_LADDERS = {
    "amd64": ("v1", "v2", "v3", "v4"),
    "arm": ("v5", "v6", "v7", "v8"),
}
"""Variants that run what is made for those before them."""


@dataclass(frozen=True, slots=True)
class Platform:
    """``OS/ARCHITECTURE[/VARIANT]``, in the words of Go."""

    os: str
    architecture: str
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Return the platform that an operator named; raises :class:`UsageError`."""
        words = text.lower().split("/")
        if len(words) not in (2, 3) or not all(map(_WORD.fullmatch, words)):
            raise UsageError(
                f"invalid platform {excerpt(text)}: OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT was "
                'expected, such as "linux/amd64" or "linux/arm64/v8"'
            )
        return cls._of(*words)

    @classmethod
    def default(cls) -> Platform:
        """Return what lx and docker zones run."""
        return cls("linux", "amd64")

    @classmethod
    def of_entry(cls, entry: Any) -> Platform | None:
        """Return the platform that a JSON object with ``os`` and ``architecture`` tells, if any."""
        if not isinstance(entry, dict):
            return None
        os, architecture, variant = (entry.get(name) for name in ("os", "architecture", "variant"))
        if not (isinstance(os, str) and isinstance(architecture, str) and os and architecture):
            return None
        named = variant if isinstance(variant, str) and variant else None
        return cls._of(os.lower(), architecture.lower(), named)

    @classmethod
    def _of(cls, os: str, architecture: str, variant: str | None = None) -> Platform:
        architecture, implied = _OTHER_NAMES.get(architecture, (architecture, None))
        if variant:
            variant = variant.lower()
            # Builders leave the letter away, as the kernel does in "CPU architecture: 8".
            if architecture in _LETTERED and variant[0].isdigit():
                variant = f"v{variant}"
        return cls(os, architecture, variant or implied)

    @property
    def is_known(self) -> bool:
        """False for what is listed as ``unknown/unknown``, and is no image."""
        return "unknown" not in (self.os, self.architecture)

    def rank(self, offered: Platform) -> int | None:
        """Return how far from this platform an image for ``offered`` is, 0 for the very same.

        ``None`` if it does not run here. An architecture runs what is made for its older variants.
        """
        if (self.os, self.architecture) != (offered.os, offered.architecture):
            return None
        ours, theirs = self._variant(), offered._variant()
        if ours == theirs:
            return 0
        ladder = _LADDERS.get(self.architecture, ())
        if ours not in ladder or theirs not in ladder:
            return self._arm64_rank(ours, theirs)
        steps = ladder.index(ours) - ladder.index(theirs)
        return steps if steps > 0 else None

    def _arm64_rank(self, ours: str | None, theirs: str | None) -> int | None:
        """Of arm64, whose variants are many (v8, v8.1 to v9.5), all run what is made for v8."""
        is_base = self.architecture == "arm64" and theirs == _UNSAID["arm64"]
        return 1 if is_base and re.fullmatch(r"v[89](?:\.[0-9])?", ours or "") else None

    def _variant(self) -> str | None:
        return self.variant or _UNSAID.get(self.architecture)

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))
