"""What is kept, and how much of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imgadm.base.files import cache
from imgadm.base.files.cache import Cache, CacheEntry


@pytest.fixture
def kept(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def files(directory: Path) -> list[Path]:
    return sorted((directory / "cache").iterdir())


def test_the_number_of_entries_is_bounded(
    kept: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MAX_ENTRIES", 3)
    for number in range(3):
        kept.keep(str(number), CacheEntry("tag", b"x"))
        for path in files(tmp_path):
            os.utime(path, ns=(0, path.stat().st_mtime_ns - 10**10))
    assert kept.find("0") == CacheEntry("tag", b"x")
    left_over = tmp_path / "cache" / "unfinished"
    left_over.write_bytes(b"")
    os.utime(left_over, (0, 0))
    kept.keep("3", CacheEntry("tag", b"x"))
    assert [kept.find(str(number)) is not None for number in range(4)] == [True, False, True, True]
    assert len(files(tmp_path)) == 3


def test_the_size_of_all_is_bounded(
    kept: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MAX_BYTES", 1000)
    for number in range(5):
        kept.keep(str(number), CacheEntry("tag", b"x" * 400))
        for path in files(tmp_path):
            os.utime(path, ns=(0, path.stat().st_mtime_ns - 10**10))
    assert [kept.find(str(number)) is not None for number in range(5)] == [False] * 3 + [True] * 2
    kept.keep("large", CacheEntry("tag", b"x" * 501))
    assert kept.find("large") is None
    assert kept.find("4") is not None
