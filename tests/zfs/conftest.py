"""The machine with a real OpenZFS kernel that the tests of this directory share.

They are skipped, with the reasons at the end of the run, where the host cannot run it; with
IMGADM_REQUIRE_ZFS=1 that is a failure.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stands.zfsvm import Machine, Session, create_pool, missing_needs

from .guest_host import GuestHost, Shelf
from .vm_host import VmHost, vm_host

HERE = Path(__file__).parent
REMEDY = "`scripts/zfs-vm --install`, as root, installs it on Debian and Ubuntu"
MISSING = pytest.StashKey[list[str]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.zfs)


@pytest.fixture(scope="session")
def zfs_host(pytestconfig: pytest.Config) -> Iterator[Session]:
    """A booted machine with an empty pool `zones`, where this checkout and its Python are at hand.

    It is shared: a test cleans away what it made, or takes the fixture `zones`.
    """
    if missing := missing_needs():
        pytestconfig.stash[MISSING] = missing
        reason = f"no real ZFS: {'; '.join(missing)}"
        if os.environ.get("IMGADM_REQUIRE_ZFS") == "1":
            pytest.fail(f"{reason}; {REMEDY}", pytrace=False)
        pytest.skip(reason)
    with Machine() as vm:
        create_pool(vm)
        yield vm


@pytest.fixture
def zones(zfs_host: Session) -> Iterator[Session]:
    """The machine; its pool `zones` is made anew at the end of the test."""
    yield zfs_host
    zfs_host.check("zpool destroy -f zones", timeout=120)
    create_pool(zfs_host)


@pytest.fixture
def host(zones: Session) -> GuestHost:
    """A host that has no state yet and nothing on its pool."""
    return GuestHost(zones)


@pytest.fixture
def machines(zones: Session) -> Iterator[VmHost]:
    """A host with a stand-in for vmadm, two images to make machines of, and no machines yet."""
    with vm_host(zones) as host:
        host.install_bases()
        yield host


@pytest.fixture(scope="session")
def _shelf_server(zfs_host: Session) -> Iterator[tuple[Shelf, str]]:
    shelf = Shelf(zfs_host)
    with GuestHost(zfs_host).serving(str(shelf.path)) as url:
        yield shelf, url


@pytest.fixture
def shelf(_shelf_server: tuple[Shelf, str]) -> Iterator[Shelf]:
    """Where a test puts images that are to be served, and finds none of others."""
    yield _shelf_server[0]
    _shelf_server[0].clear()


@pytest.fixture
def url(_shelf_server: tuple[Shelf, str]) -> str:
    """Where ``imgadm serve``, in the guest, serves what is on the shelf."""
    return _shelf_server[1]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    missing = config.stash.get(MISSING, None)
    if missing is None:
        return
    terminalreporter.section("NOT TESTED ON REAL ZFS", sep="=", red=True, bold=True)
    for reason in missing:
        terminalreporter.line(reason)
    terminalreporter.line(REMEDY)
