"""Platforms that images are made for, and which platform can run the images of another."""

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
"""The variant that an architecture without one means."""

_LETTERED = frozenset(_UNSAID)
"""Architectures all of whose variants begin with a ``v``."""

_LADDERS = {
    "amd64": ("v1", "v2", "v3", "v4"),
    "arm": ("v5", "v6", "v7", "v8"),
}
"""Variants in order; each runs the images for those before it."""


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform, ``OS/ARCHITECTURE[/VARIANT]``, with the names that Go uses."""

    os: str
    architecture: str
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Return the platform that ``text`` names; raises :class:`UsageError` if it names none."""
        words = text.lower().split("/")
        if len(words) not in (2, 3) or not all(map(_WORD.fullmatch, words)):
            raise UsageError(
                f"invalid platform {excerpt(text)}: OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT was "
                'expected, such as "linux/amd64" or "linux/arm64/v8"'
            )
        return cls._of(*words)

    @classmethod
    def default(cls) -> Platform:
        """Return the platform of lx and docker zones."""
        return cls("linux", "amd64")

    @classmethod
    def of_entry(cls, entry: Any) -> Platform | None:
        """Return the platform that ``entry``, a JSON object, names; ``None`` if it names none."""
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
            # Some builders leave out the letter, like the kernel in "CPU architecture: 8".
            if architecture in _LETTERED and variant[0].isdigit():
                variant = f"v{variant}"
        return cls(os, architecture, variant or implied)

    @property
    def is_known(self) -> bool:
        """Whether the platform is named; an entry ``unknown/unknown`` of an index is no image."""
        return "unknown" not in (self.os, self.architecture)

    def rank(self, offered: Platform) -> int | None:
        """Return how well an image for ``offered`` suits this platform: 0 is best.

        ``None`` if it does not run. An architecture runs the images for its older variants.
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
        """Return 1 if ``theirs`` is v8, which all variants of arm64, v8.1 to v9.5, run, or None."""
        is_base = self.architecture == "arm64" and theirs == _UNSAID["arm64"]
        return 1 if is_base and re.fullmatch(r"v[89](?:\.[0-9])?", ours or "") else None

    def _variant(self) -> str | None:
        return self.variant or _UNSAID.get(self.architecture)

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))
