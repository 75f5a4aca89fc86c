"""A host with a real registry as its source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.imports.host import Host
from tests.stands.registry.fixtures import layout, private_registry, registry, registry_certificate
from tests.stands.registry.server import Registry

__all__ = ["layout", "private_registry", "registry", "registry_certificate"]


def configure(host: Host, *registries: str) -> None:
    """Make these URLs the sources of the host, and nothing else."""
    host.root.mkdir(parents=True, exist_ok=True)
    sources = [{"type": "docker", "url": url} for url in registries]
    (host.root / "imgadm.conf").write_text(json.dumps({"sources": sources}))


@pytest.fixture
def host(tmp_path: Path, registry: Registry) -> Iterator[Host]:
    host = Host(tmp_path / "host")
    configure(host, registry.url)
    yield host
    host.end()
