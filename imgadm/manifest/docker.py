"""Manifests for the layers of container images: each layer becomes an image.

The UUID of a layer is computed from the digests of all layers up to it, and from nothing else.
Images that begin with the same layers therefore share them, whatever registry they come from.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from imgadm.base.patterns import NO_OWNER, is_digest, uuid_of_digits
from imgadm.base.times import iso_milliseconds
from imgadm.manifest.errors import InvalidManifestError

LAYER_NAME = "docker-layer"
"""The ``name`` in the manifests of all layers."""


REPOSITORY, IDENTIFIER, ARCHITECTURE, CONFIG = (
    f"docker:{name}" for name in ("repo", "id", "architecture", "config")
)
TAG_PREFIX = "docker:tag:"

UNKNOWN_DATE = "1970-01-01T00:00:00.000Z"
"""The publication date of an image that does not tell its date: the beginning of Unix time."""

MAX_DESCRIPTION = 10240
"""The most characters of a description; a longer one is cut."""

_RUN_FIELDS = ("Cmd", "Entrypoint", "Env", "WorkingDir")
_CREATED = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def layer_uuid(digests: Sequence[str]) -> str:
    """Return the UUID of the last layer of ``digests``, which begin with the digest of the base.

    Raises InvalidManifestError if one of them is not a digest.
    """
    for digest in digests:
        if not is_digest(digest):
            listed = ", ".join(digests)[:200]
            raise InvalidManifestError(
                f'docker digests should be of the form "sha256:xxx", got: {listed}'
            )
    # The UUID has neither version nor variant bits, like those of the original tool.
    return uuid_of_digits(hashlib.sha256(" ".join(digests).encode()).hexdigest())


def layer_manifests(
    digests: Sequence[str], config: Mapping[str, Any], *, repository: str, tag: str | None
) -> list[dict[str, Any]]:
    """Return the manifest of each layer, base first; the last is that of the image itself.

    ``digests`` are those of the layers as the registry stores them. ``config`` is the configuration
    of the image. ``repository`` is its name as operators know it, ``tag`` the tag or None.
    """
    manifests: list[dict[str, Any]] = []
    for index, digest in enumerate(digests):
        tags: dict[str, Any] = {REPOSITORY: repository, IDENTIFIER: digest}
        if isinstance(architecture := config.get("architecture"), str):
            tags[ARCHITECTURE] = architecture
        if tag is not None and index == len(digests) - 1:
            tags[TAG_PREFIX + tag] = True
        tags[CONFIG] = run_config(config)
        manifest: dict[str, Any] = {
            "v": 2,
            "uuid": layer_uuid(digests[: index + 1]),
            "owner": NO_OWNER,
            "name": LAYER_NAME,
            "version": digest.partition(":")[2][:12],
            "disabled": False,
            "public": True,
            "published_at": publication_date(config.get("created")),
            "type": "docker",
        }
        if config.get("os") == "linux":
            manifest["os"] = "linux"
        manifest |= {"description": _description(config), "tags": tags}
        if manifests:
            manifest["origin"] = manifests[-1]["uuid"]
        manifests.append(manifest)
    return manifests


def publication_date(created: Any) -> str:
    """Return ``created``, the date of a configuration (RFC 3339), in UTC, cut to milliseconds.

    Return :data:`UNKNOWN_DATE` if it is not a date, and for the year 1, which means no date.
    """
    match = _CREATED.fullmatch(created) if isinstance(created, str) else None
    if match is None:
        return UNKNOWN_DATE
    day, time, fraction, zone = match.groups()
    offset = "+00:00" if zone in "Zz" else zone
    try:
        moment = datetime.fromisoformat(f"{day}T{time}.{(fraction or '')[:3]:0<3}{offset}")
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return UNKNOWN_DATE
    if moment.year == 1:
        return UNKNOWN_DATE
    return iso_milliseconds(moment)


def is_untagged_layer(manifest: Mapping[str, Any]) -> bool:
    """Tell whether an image is installed only as a layer of another one."""
    return manifest.get("type") == "docker" and not _tags_of(manifest)


def with_tags_of(manifest: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest to record for an image that is also imported as ``other``.

    An image that is installed only as a layer gets the manifest ``other``. Any other image keeps
    its configuration, and gets the tags of ``other`` if they are of the same repository.
    """
    if is_untagged_layer(manifest):
        return dict(other)
    kept = manifest.get("tags")
    if not isinstance(kept, dict) or kept.get(REPOSITORY) != other["tags"][REPOSITORY]:
        return dict(manifest)
    return {**manifest, "tags": {**kept, **_tags_of(other)}}


def _tags_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    tags = manifest.get("tags")
    if not isinstance(tags, dict):
        return {}
    return {name: value for name, value in tags.items() if name.startswith(TAG_PREFIX)}


def run_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of ``config`` that is needed to start a container.

    A member that is ``null`` stays. The manifest of every layer has this part.
    """
    wanted = config.get("config")
    if not isinstance(wanted, dict):
        return {}
    return {name: wanted[name] for name in _RUN_FIELDS if name in wanted}


def _description(config: Mapping[str, Any]) -> str:
    comment = config.get("comment")
    if not (isinstance(comment, str) and comment):
        container = config.get("container_config")
        command = container.get("Cmd") if isinstance(container, dict) else None
        words = command if isinstance(command, list) else []
        comment = " ".join(word for word in words if isinstance(word, str))
    return comment[:MAX_DESCRIPTION]
