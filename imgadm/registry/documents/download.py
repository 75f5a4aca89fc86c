"""The documents of a repository, downloaded and checked against their digests.

A registry is trusted only to say which digest a tag names. The digest in a reference or an index
proves the manifest; the digests in the manifest prove the configuration and the layers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from imgadm.base.json_input import JSONError, parse_json
from imgadm.base.patterns import is_digest
from imgadm.manifest.parse import MAX_MANIFEST_BYTES
from imgadm.registry.documents.content_coding import readings
from imgadm.registry.documents.descriptors import Descriptor, ManifestError
from imgadm.registry.documents.manifests import (
    Document,
    ImageIndex,
    ImageManifest,
    UnusableImageError,
    is_schema1,
    parse_document,
    read_manifest,
)
from imgadm.registry.documents.schema1 import Schema1Manifest, read_schema1
from imgadm.registry.errors import (
    BadDigestError,
    InvalidContentError,
    InvalidDockerInfoError,
    RegistryError,
)
from imgadm.registry.references.digests import digest_of, matches
from imgadm.registry.references.reference import Reference
from imgadm.registry.repository import MAX_CONFIG_BYTES, RemoteRepository
from imgadm.registry.servers import RepositoryServers

_BEFORE_JSON = b" \t\r\n\xef\xbb\xbf"

MAX_DOCUMENTS = 32
"""The most manifests and indexes that are downloaded to find one image."""

Parsed = ImageManifest | ImageIndex | Schema1Manifest


class Documents:
    """The documents in the repository of ``reference``. Methods raise SourceError."""

    def __init__(self, servers: RepositoryServers, reference: Reference) -> None:
        self._servers = servers
        self._reference = reference
        self._read = 0

    def manifest(
        self, version: str, *, digest: str | None = None, size: int | None = None
    ) -> tuple[Parsed, str]:
        """Return the manifest that ``version``, a tag or digest, names, and its digest.

        The manifest has the ``digest`` and the ``size``, in bytes, that are given. Without
        ``digest``, it has the one that the registry names, if it names one.
        """
        self._read += 1
        if self._read > MAX_DOCUMENTS:
            raise InvalidContentError(
                self._servers.origin.url,
                f"{self._reference} has more than {MAX_DOCUMENTS} manifests that may be the right "
                "one",
            )

        def question(repository: RemoteRepository) -> tuple[Parsed, str]:
            document = _as_meant(repository.manifest(version), digest)
            where = self.name_of(version)
            if size is not None and len(document.body) != size:
                raise InvalidContentError(repository.url, f"{where}: {_sizes(size, document.body)}")
            try:
                parsed, signed = _parse(document)
            except ManifestError as error:
                raise _as_source_error(repository, where, error) from error
            _check_digest(repository, where, document, signed, digest)
            return parsed, digest or digest_of(signed)

        return self._servers.ask(question)

    def config(self, descriptor: Descriptor) -> dict[str, Any]:
        """Return the configuration that ``descriptor``, of a manifest, refers to."""

        def question(repository: RemoteRepository) -> dict[str, Any]:
            what = f"config {descriptor.digest} of {self._reference}"
            body, coding = repository.blob(descriptor.digest, "config")
            body = _reading_of(body, coding, MAX_CONFIG_BYTES, descriptor.digest)
            if descriptor.size is not None and len(body) != descriptor.size:
                raise InvalidContentError(
                    repository.url, f"{what}: {_sizes(descriptor.size, body)}"
                )
            if not matches(body, descriptor.digest):
                raise BadDigestError(
                    repository.url, f"{what}: the content sent has the digest {digest_of(body)}"
                )
            try:
                config = parse_json(body)
            except JSONError as error:
                raise InvalidContentError(repository.url, f"{what} is {error}") from error
            if not isinstance(config, dict):
                raise InvalidContentError(repository.url, f"{what} is no JSON object")
            return config

        return self._servers.ask(question)

    def name_of(self, version: str) -> str:
        """Return the full name of a manifest, for messages."""
        separator = "@" if is_digest(version) else ":"
        return f"{self._reference.canonical_name}{separator}{version}"


def _as_meant(document: Document, digest: str | None) -> Document:
    """Return ``document`` with its body decoded; ``digest`` is None if it is unknown."""
    if not document.coding:
        return document
    wanted = digest or (document.digest if is_digest(document.digest) else None)
    body = _reading_of(document.body, document.coding, MAX_MANIFEST_BYTES, wanted)
    return replace(document, body=body)


def _reading_of(body: bytes, coding: str, limit: int, digest: str | None) -> bytes:
    """Return the reading of ``body`` that has ``digest``; if that is None, the one that is JSON."""
    if coding:
        for reading in readings(body, coding, limit):
            if digest is None:
                is_right = reading.lstrip(_BEFORE_JSON).startswith(b"{")
            else:
                is_right = matches(reading, digest)
            if is_right:
                return reading
    return body


def _parse(document: Document) -> tuple[Parsed, bytes]:
    """Return the parsed ``document``, and the bytes that its digest is of."""
    value = parse_document(document.body, document.content_type)
    if is_schema1(value):
        schema1 = read_schema1(value, document.body)
        return schema1, schema1.payload
    return read_manifest(value, document.content_type), document.body


def _check_digest(
    repository: RemoteRepository, where: str, document: Document, signed: bytes, wanted: str | None
) -> None:
    """Raise BadDigestError unless ``signed`` has the ``wanted`` digest.

    Without a ``wanted`` digest it must have the digest that the registry sent, if it sent one.
    """
    if wanted is not None and not matches(signed, wanted):
        raise BadDigestError(
            repository.url, f"{where}: the content sent has the digest {digest_of(signed)}"
        )
    told = document.digest
    if wanted is None and is_digest(told) and not matches(signed, told):
        raise BadDigestError(
            repository.url,
            f"{where}: Docker-Content-Digest header, {told}, does not match given digest, "
            f"{digest_of(signed)}",
        )


def _as_source_error(
    repository: RemoteRepository, where: str, error: ManifestError
) -> RegistryError:
    kind = InvalidDockerInfoError if isinstance(error, UnusableImageError) else InvalidContentError
    return kind(repository.url, f"{where}: {error}", cause=error)


def _sizes(wanted: int, got: bytes) -> str:
    return f"unexpected downloaded size: expected {wanted} bytes, downloaded {len(got)} bytes"
