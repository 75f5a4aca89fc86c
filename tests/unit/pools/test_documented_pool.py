"""The pool in ``docs/how-to/pool-of-your-own.md`` keeps the contract."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from imgadm import streams
from imgadm.pools.base import Pool
from tests.unit.pools.conformance import Bench, PoolConformance

DOCUMENT = Path(__file__).parents[3] / "docs" / "how-to" / "pool-of-your-own.md"


class DocumentedBench(Bench):
    def __init__(self, scratch: Path) -> None:
        super().__init__(scratch)
        code = re.search(r"^```python\n(.*?)^```\n", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
        assert code is not None
        self.defined: dict[str, Any] = {}
        exec(compile(code[1], str(DOCUMENT), "exec"), self.defined)
        self.path = scratch / "pool"
        self.path.mkdir()
        self.volumes: dict[str, streams.RawVolume] = {}

    def open(self) -> Pool:
        pool: Pool = self.defined["StreamPool"](self.path)
        return pool

    def names(self) -> set[str]:
        return {path.name for path in self.path.iterdir()}

    def disk(self, uuid: str) -> Path:
        """Make the disk of the streams of an image and its origins."""
        disk, origin = self.scratch / f"{uuid}.raw", self.installed(uuid).manifest.get("origin")
        if origin is not None:
            shutil.copy(self.disk(origin), disk)
        report = streams.run(
            streams.read_file(self.path / uuid / "stream"),
            streams.to_raw_disk(disk, origin=self.volumes.get(origin)),
        )
        stream = report.facts["zfs_stream"]
        self.volumes[uuid] = streams.RawVolume(stream.guid, stream.volume_size, stream.block_size)
        return disk

    def leave_behind(self, uuid: str) -> None:
        remains = self.path / f"{uuid}.partial"
        remains.mkdir()
        (remains / "record.json").write_text("{}")
        (remains / "stream").write_bytes(b"half a stream")


@pytest.fixture
def bench(tmp_path: Path) -> DocumentedBench:
    return DocumentedBench(tmp_path)


class TestDocumentedPool(PoolConformance):
    """The contract."""
