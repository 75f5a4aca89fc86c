"""The pushing of documents that no client would push."""

from __future__ import annotations

import json
from typing import Any

import requests

from tests.stands.registry.layouts import Descriptor, Layout
from tests.stands.registry.server import Registry


def push_by_hand(
    registry: Registry, layout: Layout, descriptor: Descriptor, name: str, *, tag: str = "latest"
) -> None:
    """Push a manifest or index of ``layout``, and all that it refers to, under ``name``."""
    with requests.Session() as session:
        session.trust_env = False
        _push(session, f"{registry.url}/v2/{name}", layout, descriptor, tag)


def _push(
    session: requests.Session, base: str, layout: Layout, descriptor: Descriptor, version: str
) -> None:
    body = layout.read(descriptor)
    document: dict[str, Any] = json.loads(body)
    for child in document.get("manifests", []):
        _push(session, base, layout, child, child["digest"])
    for blob in [*document.get("layers", []), *filter(None, [document.get("config")])]:
        _push_blob(session, base, layout, blob)
    reply = session.put(
        f"{base}/manifests/{version}", data=body, headers={"Content-Type": descriptor["mediaType"]}
    )
    assert reply.status_code == 201, reply.text


def _push_blob(
    session: requests.Session, base: str, layout: Layout, descriptor: Descriptor
) -> None:
    if session.head(f"{base}/blobs/{descriptor['digest']}").status_code == 200:
        return
    begun = session.post(f"{base}/blobs/uploads/")
    reply = session.put(
        f"{begun.headers['Location']}&digest={descriptor['digest']}",
        data=layout.read(descriptor),
        headers={"Content-Type": "application/octet-stream"},
    )
    assert reply.status_code == 201, reply.text
