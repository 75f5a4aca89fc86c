"""The choice among the images of a name that are for different platforms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from imgadm.base.text import excerpt
from imgadm.registry.documents.manifests import ImageIndex, IndexEntry
from imgadm.registry.errors import InvalidDockerInfoError
from imgadm.registry.references.platforms import Platform
from imgadm.registry.references.reference import Reference

_SHOWN_PLATFORMS = 20


class OtherPlatformError(Exception):
    """The configuration of an image names another platform, ``platform``, than the wanted one."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(str(platform))
        self.platform = platform


class SortedEntries(NamedTuple):
    """The entries of an index that may lead to the image.

    ``images`` are for the wanted platform, the best first. ``indexes`` are other indexes.
    ``unnamed`` are images without a platform.
    """

    images: list[IndexEntry]
    indexes: list[IndexEntry]
    unnamed: list[IndexEntry]


@dataclass(frozen=True, slots=True)
class PlatformChoice:
    """The choice of the image of ``reference`` that runs on the platform ``wanted``."""

    reference: Reference
    wanted: Platform

    def sorted(self, index: ImageIndex) -> SortedEntries:
        """Return the entries of ``index``, without images for platforms that do not suit."""
        ranked: list[tuple[int, IndexEntry]] = []
        indexes, unnamed = [], []
        for entry in index.entries:
            rank = 0 if entry.platform is None else self.wanted.rank(entry.platform)
            if rank is None:
                continue
            if entry.is_index:
                indexes.append(entry)
            elif entry.platform is None:
                unnamed.append(entry)
            else:
                ranked.append((rank, entry))
        ranked.sort(key=lambda pair: pair[0])
        return SortedEntries([entry for _, entry in ranked], indexes, unnamed)

    def checked(
        self, config: Mapping[str, Any], digest: str, promised: Platform | None
    ) -> tuple[Platform, tuple[str, ...]]:
        """Return the platform of an image, and warnings about it.

        ``config`` is the configuration of the image, ``digest`` that of its manifest, ``promised``
        the platform that an index names for it. A configuration without a platform is accepted. An
        image that the operator named by its digest, or that an index names for the platform, is
        accepted whatever its configuration says. Raises :class:`OtherPlatformError`.
        """
        told = Platform.of_entry(config)
        if told is None:
            return promised or self.wanted, ()
        if self.wanted.rank(told) is not None or _is_without_variant(told, promised):
            return promised or told, ()
        by_digest = f"{self.reference.canonical_name}@{digest}"
        if promised is not None:
            return told, (
                f"{self.reference}: the manifest list says that {by_digest} is for {promised}, "
                f"the image says that it is for {told}; another image of the list can be named by "
                "its digest",
            )
        if digest == self.reference.digest:
            return told, (
                f"{by_digest} is for {told}, not for {self.wanted}; it is taken because its "
                "digest names it",
            )
        raise OtherPlatformError(told)

    def refusal(
        self, url: str, offered: Iterable[Platform], digest: str | None = None
    ) -> InvalidDockerInfoError:
        """Return the error of a registry, at ``url``, that has images for other platforms only.

        ``offered`` are those platforms. ``digest`` is that of the only image, if there is only one.
        """
        names = [str(platform) for platform in offered]
        more = ", ..." if len(names) > _SHOWN_PLATFORMS else ""
        shown = excerpt(", ".join(names[:_SHOWN_PLATFORMS]) + more) if names else "none"
        hint = "; choose one with --platform" if names else ""
        if digest is not None:
            hint += f", or name it by its digest: {self.reference.canonical_name}@{digest}"
        return InvalidDockerInfoError(
            url,
            f"{self.reference}: no {self.wanted} platform found in manifest list: {shown}{hint}",
        )


def _is_without_variant(told: Platform, promised: Platform | None) -> bool:
    """Tell whether ``told`` is ``promised`` without its variant, which some builders leave out."""
    return promised is not None and (told.os, told.architecture, told.variant) == (
        promised.os,
        promised.architecture,
        None,
    )
