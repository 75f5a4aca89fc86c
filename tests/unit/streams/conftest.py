"""Both ways that bytes can take, and a look at what is left behind after every test."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from imgadm._native import KERNEL_MOVES

from .servers import Server
from .stages import children, open_descriptors


@pytest.fixture(params=["descriptors", "buffers"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes the test run once with bytes that stay in the kernel, and once without."""
    if request.param == "descriptors" and not KERNEL_MOVES:
        pytest.skip("this kernel moves no bytes between descriptors")
    monkeypatch.setenv("IMGADM_SPLICE", "1" if request.param == "descriptors" else "0")
    return str(request.param)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No thread, child process or descriptor is left by any pipeline."""
    before = open_descriptors()
    yield
    ours = [it for it in threading.enumerate() if it.name.startswith("imgadm-")]
    for thread in ours:
        thread.join(5)  # one that has said its last word may still be on its way out
    assert [thread.name for thread in ours if thread.is_alive()] == []
    assert children() == []
    assert sorted(open_descriptors() - before) == []
