"""OpenZFS's own reader of streams and ours see the same records. Needs its programs, no kernel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from imgadm._native import StreamVerifier, ZfsStreamError
from tests.e2e.imports.images import SAMPLES, sample

STREAMS = sorted(path.name.removesuffix(".zsend.xz") for path in SAMPLES.glob("*.zsend.xz"))
SEVERAL_SNAPSHOTS = "zvol-replication-compound"
TOTAL = re.compile(r"\tTotal DRR_(\w+) records = (\d+) \(")
STREAM_LENGTH = re.compile(r"\tTotal stream length = (\d+) \(")


@pytest.fixture(scope="module")
def zstream() -> str:
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    program = shutil.which("zstream", path=path)
    if program is None:
        reason = "there is no program zstream (Debian and Ubuntu: zfsutils-linux)"
        if os.environ.get("IMGADM_REQUIRE_ZFS") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return program


@pytest.mark.parametrize("name", sorted(set(STREAMS) - {SEVERAL_SNAPSHOTS}))
def test_every_record_is_counted_alike(name: str, zstream: str) -> None:
    stream = sample(name)
    shown = subprocess.run([zstream, "dump"], input=stream, capture_output=True, check=True)
    summary = shown.stdout.decode()
    theirs = {kind: int(count) for kind, count in TOTAL.findall(summary)}
    verifier = StreamVerifier()
    verifier.write(stream)
    ours = verifier.finish()
    assert {kind: count for kind, count in ours.records.items() if count} == {
        kind: count for kind, count in theirs.items() if count
    }
    length = STREAM_LENGTH.search(summary)
    assert length is not None
    assert ours.stream_bytes == int(length[1]) == len(stream)


def test_a_compound_stream_is_named_as_such(zstream: str) -> None:
    stream = sample(SEVERAL_SNAPSHOTS)
    shown = subprocess.run([zstream, "dump"], input=stream, capture_output=True, check=True)
    assert dict(TOTAL.findall(shown.stdout.decode()))["BEGIN"] == "3"
    with pytest.raises(ZfsStreamError, match="compound") as caught:
        StreamVerifier().write(stream)
    assert caught.value.kind == "unsupported"


def test_there_are_streams_of_every_kind() -> None:
    assert len(STREAMS) == 10
