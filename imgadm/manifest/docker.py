"""Images of registries as images of ours: one for each layer, and the manifest that it gets.

A layer's UUID is made of the digests of all layers up to it, and of nothing else, so that images
which begin with the same layers share them, whatever registry or repository they are from.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from imgadm.base.patterns import NO_OWNER, is_digest
from imgadm.base.times import iso_milliseconds
from imgadm.manifest.errors import InvalidManifestError

LAYER_NAME = "docker-layer"

REPOSITORY, IDENTIFIER, ARCHITECTURE, CONFIG = (
    f"docker:{name}" for name in ("repo", "id", "architecture", "config")
)
TAG_PREFIX = "docker:tag:"

#: When an image was made that does not say when: the beginning of Unix time.
UNKNOWN_DATE = "1970-01-01T00:00:00.000Z"

MAX_DESCRIPTION = 10240
_RUN_FIELDS = ("Cmd", "Entrypoint", "Env", "WorkingDir")
_CREATED = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def layer_uuid(digests: Sequence[str]) -> str:
    """The UUID of the last of the layers that have these digests, base first.

    Raises InvalidManifestError for what is no digest.
    """
    for digest in digests:
        if not is_digest(digest):
            listed = ", ".join(digests)[:200]
            raise InvalidManifestError(
                f'docker digests should be of the form "sha256:xxx", got: {listed}'
            )
    # Neither a version nor a variant is put into the UUID: the original tool does not, either.
    digits = hashlib.sha256(" ".join(digests).encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def layer_manifests(
    digests: Sequence[str], config: Mapping[str, Any], *, repository: str, tag: str | None
) -> list[dict[str, Any]]:
    """The manifest of each layer, base first; the last is the image that the tag stands for.

    ``digests`` are those of the layers as they are stored, ``config`` is that of the whole image.
    ``repository`` is the name that operators know it by.
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
    """The date of a configuration (RFC 3339) in UTC, cut to milliseconds.

    :data:`UNKNOWN_DATE` for what is no date, or one that no program writes seriously.
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
    """Whether an image came only because another one is based on it."""
    return manifest.get("type") == "docker" and not _tags_of(manifest)


def with_tags_of(manifest: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """``manifest`` as it is to be recorded once its image is also asked for as ``other``.

    What came only as a layer of something else becomes the image that it was asked for as. An image
    keeps its configuration and gets one more tag, if that is of the same repository.
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
    """What it takes to start a container; ``null`` says that a field was there, and empty.

    The manifest of every layer has it.
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
