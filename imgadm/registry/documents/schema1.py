"""Manifests of schema 1, which today's registries and clients no longer write.

A signed manifest brings the key of its own signature, so the signature proves nothing about the
author. It is read because it says where the signed bytes end, and the digest is of those bytes.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imgadm.base.json_input import JSONError, parse_json
from imgadm.base.patterns import is_digest
from imgadm.base.text import excerpt
from imgadm.registry.documents.descriptors import ManifestError
from imgadm.registry.documents.manifests import check_number_of_layers

_MAX_SIGNATURES = 16


@dataclass(frozen=True, slots=True)
class Schema1Manifest:
    """An image: the digests of its ``layers``, base first, and its configuration.

    ``payload`` are the bytes that the digest of the manifest is of.
    """

    layers: tuple[str, ...]
    config: dict[str, Any]
    payload: bytes


def read_schema1(document: Mapping[str, Any], body: bytes) -> Schema1Manifest:
    """Return the manifest in ``document``, which was parsed from ``body``.

    A layer that repeats the one before it is left out; layers without files stay. Raises
    :class:`ManifestError` for a malformed document.
    """
    payload = _signed_part(document, body) if "signatures" in document else body
    signed = document if payload is body else _object(payload, "the signed part")
    layers, history = signed.get("fsLayers"), signed.get("history")
    if not isinstance(layers, list) or not layers:
        raise ManifestError("no layers in manifest")
    if not isinstance(history, list) or len(history) != len(layers):
        raise ManifestError("history length not equal to layers length in manifest")
    digests: list[str] = []
    for layer in reversed(layers):
        digest = layer.get("blobSum") if isinstance(layer, dict) else None
        if not is_digest(digest):
            raise ManifestError(
                f'docker digests should be of the form "sha256:xxx", got: {excerpt(digest)}'
            )
        if digest not in digests[-1:]:
            digests.append(digest)
    check_number_of_layers(len(digests))
    newest = history[0].get("v1Compatibility") if isinstance(history[0], dict) else None
    if not isinstance(newest, str):
        raise ManifestError('history has no "v1Compatibility"')
    return Schema1Manifest(
        tuple(digests), _object(newest.encode("utf-8", "replace"), "v1Compatibility"), payload
    )


def _signed_part(document: Mapping[str, Any], body: bytes) -> bytes:
    """Return the bytes that all signatures of ``document`` are for."""
    signatures = document["signatures"]
    if not isinstance(signatures, list) or not 0 < len(signatures) <= _MAX_SIGNATURES:
        raise ManifestError(f"1 to {_MAX_SIGNATURES} signatures were expected")
    payloads = {_payload(signature, body, number) for number, signature in enumerate(signatures)}
    if len(payloads) > 1:
        raise ManifestError("its signatures are for different contents")
    return payloads.pop()


def _payload(signature: Any, body: bytes, number: int) -> bytes:
    header = signature.get("header") if isinstance(signature, dict) else None
    algorithm = header.get("alg") if isinstance(header, dict) else None
    if not isinstance(algorithm, str) or algorithm.lower() == "none":
        raise ManifestError(f"disallowed JWS signature algorithm: {excerpt(algorithm)}")
    protected = _object(_decoded(signature.get("protected"), number), f"JWS signature {number}")
    length, tail = protected.get("formatLength"), _decoded(protected.get("formatTail"), number)
    if isinstance(length, bool) or not isinstance(length, int) or not 0 < length <= len(body):
        raise ManifestError(f"JWS signature {number} has the formatLength {excerpt(length)}")
    return body[:length] + tail


def _decoded(text: Any, number: int) -> bytes:
    try:
        if isinstance(text, str):
            return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        pass
    raise ManifestError(f"JWS signature {number} is not in base64")


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        value = parse_json(data)
    except JSONError as error:
        raise ManifestError(f"{what} is {error}") from error
    if not isinstance(value, dict):
        raise ManifestError(f"{what} is no JSON object")
    return value
