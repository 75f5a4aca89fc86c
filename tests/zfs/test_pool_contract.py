"""A real zpool holds to the contract of pools: the suite of the unit tests, run in the guest."""

from __future__ import annotations

import shlex
import sys

import pytest

from tests.zfsvm import Session
from tests.zfsvm.session import CHECKOUT

SUITE = "tests/unit/pools/test_zfs.py"
LIMIT_S = 1500


@pytest.mark.timeout(LIMIT_S + 60)
def test_zpool_keeps_the_contract_of_pools(zones: Session) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--tb=short", SUITE]
    result = zones.run(
        shlex.join(command), timeout=LIMIT_S, cwd=CHECKOUT, env={"IMGADM_TEST_ZPOOL": "zones"}
    )
    assert result.status == 0, result.stdout[-6000:] + result.stderr[-2000:]
    assert " passed" in result.stdout.splitlines()[-1]
