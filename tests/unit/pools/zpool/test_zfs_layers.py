"""Layers on a host whose ``zfs`` mounts nothing, as for somebody who is not root.

What they become where it does is tested on a real zpool: ``tests/zfs/test_layers.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from imgadm.base.errors import InternalError
from imgadm.pools.zpool.host import ZfsHost
from imgadm.pools.zpool.pool import ZfsPool
from imgadm.state.database import Database

from .test_zfs import EmulatedBench

BASE, TOP = (f"{digit * 8}-0000-0000-0000-000000000000" for digit in "12")
MANIFESTS = [
    {"v": 2, "uuid": BASE, "type": "docker", "name": "a", "version": "1"},
    {"v": 2, "uuid": TOP, "type": "docker", "name": "b", "version": "1", "origin": BASE},
]


@pytest.fixture
def emulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmulatedBench:
    return EmulatedBench(tmp_path, monkeypatch)


def pool_of(bench: EmulatedBench) -> ZfsPool:
    database = Database(bench.scratch / "images", warn=lambda _: None)
    return ZfsPool(ZfsHost(bench.zfs, database, bench.scratch / "mounts"), bench.name)


def test_layers_need_file_systems_that_can_be_mounted(emulated: EmulatedBench) -> None:
    with pytest.raises(InternalError, match="was not mounted at") as caught:
        pool_of(emulated).receive_layers(MANIFESTS, source=None, base=None)
    assert "\n" not in caught.value.message
    assert emulated.names() == set()
    assert not (emulated.scratch / "mounts" / TOP).exists()


def test_remains_of_dead_imports_are_destroyed_first(emulated: EmulatedBench) -> None:
    for name in (f"{BASE}-partial", f"{TOP}-partial", f"{TOP}-partial-layers", "another-partial"):
        emulated.run_zfs("create", f"zones/{name}")
    with pytest.raises(InternalError, match="was not mounted at"):
        pool_of(emulated).receive_layers(MANIFESTS, source=None, base=None)
    assert emulated.names() == {"another-partial"}


def test_zfs_that_refuses_is_quoted(emulated: EmulatedBench) -> None:
    emulated.fail_on("create", message="out of space")
    with pytest.raises(InternalError, match="out of space"):
        pool_of(emulated).receive_layers(MANIFESTS, source=None, base=None)
    assert emulated.names() == set()


def test_images_of_a_zpool_have_their_roots(emulated: EmulatedBench) -> None:
    image = emulated.install("zvol-embedded")
    assert not pool_of(emulated).lacks_root(image)
