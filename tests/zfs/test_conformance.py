"""The contract of pools, held to by a zpool; its tests run in the guest."""

from __future__ import annotations

import shlex
import sys

import pytest

from tests.python_path import PYTHON_PATH, TREE
from tests.stands.zfsvm import Session

LIMIT_S = 900
TESTS = "tests/unit/pools/zpool/test_zfs.py::TestZfsPool"
SEEN_ELSEWHERE = "test_volume"
"""Every kind of volume is imported by test_import.py, and hashed faster than in the guest."""


@pytest.mark.timeout(LIMIT_S + 60)
def test_zpool_conforms(zones: Session) -> None:
    words = [sys.executable, "-m", "pytest", "-q", "-o", f"timeout={LIMIT_S}", TESTS]
    words += ["-k", f"not {SEEN_ELSEWHERE}"]
    environment = {
        "IMGADM_TEST_ZPOOL": "zones",
        "PYTHONPATH": PYTHON_PATH,
        "PYTHONSAFEPATH": "1",
    }
    run = zones.run(shlex.join(words), timeout=LIMIT_S, cwd=TREE, env=environment)
    assert run.status == 0, run.stdout
    assert " passed" in run.stdout.splitlines()[-1]
    assert zones.check("zfs list -H -o name") == "zones\n"
