"""Names of images in registries, as operators type them after ``docker pull``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from imgadm.base.errors import ConfigError
from imgadm.base.patterns import is_digest
from imgadm.base.redaction import redact_reference, redact_url
from imgadm.registry.errors import InvalidDockerRepoError
from imgadm.registry.references.registry_names import (
    OFFICIAL,
    RegistryName,
    names_host,
    parse_registry_name,
    registry_name_of,
)

DEFAULT_TAG = "latest"
MAX_NAME = 255
"""The most characters in host and repository together; many registries have this limit."""

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_LONGEST = 1024
_OFFICIAL_NAMESPACE = "library/"


@dataclass(frozen=True, slots=True)
class Reference:
    """An image in a registry: ``[SCHEME://][REGISTRY/]REPOSITORY[:TAG][@DIGEST]``.

    ``remote_name`` is the repository in URLs, ``local_name`` the one in the tags of installed
    images. ``scheme`` is ``None`` unless the name, or the default registry, has one. At least one
    of ``tag`` and ``digest`` is there. The digest decides; a tag beside it is for information only.
    """

    registry: str
    scheme: str | None
    remote_name: str
    tag: str | None
    digest: str | None

    @property
    def local_name(self) -> str:
        """The repository as operators know it, with its registry unless that is Docker Hub."""
        if self.registry == OFFICIAL:
            return self.remote_name.removeprefix(_OFFICIAL_NAMESPACE)
        return f"{self.registry}/{self.remote_name}"

    @property
    def canonical_name(self) -> str:
        """The repository with its registry, even if that is Docker Hub."""
        return f"{OFFICIAL}/{self.local_name}" if self.registry == OFFICIAL else self.local_name

    @property
    def version(self) -> str:
        """The digest, else the tag: the version in URLs."""
        return self.digest or self.tag or DEFAULT_TAG

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.local_name}{tag}{digest}"


def parse_reference(text: str, *, default_registry: str = OFFICIAL) -> Reference:
    """Return the image that ``text`` names.

    ``default_registry``, the URL or the name of a registry, is for names without one. Raises
    :class:`InvalidDockerRepoError` if ``text`` names no image, and :class:`ConfigError` if
    ``default_registry`` names no registry.
    """
    if len(text) > _LONGEST or not text.isascii() or not text.isprintable():
        raise _invalid(text[:_LONGEST], "it has characters that no name of an image has")
    scheme, rest = _split_scheme(text)
    rest, at, digest = rest.partition("@")
    if at and not is_digest(digest):
        got = redact_url(digest) if digest.startswith("sha256:") else "what follows the @"
        raise _invalid(text, f'"{got}" is no digest; "sha256:" and 64 digits were expected')
    name, tag = _split_tag(rest)
    if tag is not None and not _TAG.fullmatch(tag):
        raise _invalid(text, f'"{tag}" is no tag')
    registry, repository = _split_registry(text, scheme, name, default_registry)
    if not _REPOSITORY.fullmatch(repository):
        hint = "; only lower-case names are" if _REPOSITORY.fullmatch(repository.lower()) else ""
        raise _invalid(text, f'"{repository}" is no repository{hint}')
    if registry.is_official and "/" not in repository:
        repository = _OFFICIAL_NAMESPACE + repository
    if len(registry.name) + 1 + len(repository) > MAX_NAME:
        raise _invalid(text, f"it is longer than {MAX_NAME} characters")
    if tag is None and not digest:
        tag = DEFAULT_TAG
    return Reference(registry.name, registry.scheme, repository, tag, digest or None)


def _split_scheme(text: str) -> tuple[str | None, str]:
    scheme, separator, rest = text.partition("://")
    if not separator:
        return None, text
    if scheme.lower() not in ("http", "https"):
        raise _invalid(text, 'its scheme must be "http" or "https"')
    return scheme.lower(), rest


def _split_tag(text: str) -> tuple[str, str | None]:
    """Return ``text`` without its tag, and the tag. A colon before the last slash is a port's."""
    name, colon, tag = text.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (text, None)


def _split_registry(
    text: str, scheme: str | None, name: str, default: str
) -> tuple[RegistryName, str]:
    first, slash, rest = name.partition("/")
    if not slash or not names_host(first):
        if scheme is not None:
            raise _invalid(text, "a registry was expected after the scheme")
        return parse_registry_name(default), name
    try:
        return registry_name_of(scheme, first.lower(), first), rest
    except ConfigError as error:
        raise _invalid(text, error.message) from error


def _invalid(text: str, reason: str) -> InvalidDockerRepoError:
    return InvalidDockerRepoError(json.dumps(redact_reference(text), ensure_ascii=False), reason)
