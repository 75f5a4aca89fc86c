"""Checksums: who is told what, and who never gets to see the end of wrong bytes."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from imgadm import streams
from imgadm.streams.engine import outcome
from tests.unit.streams.stages import Collect, Supply, pieces, unending

CONTENT = random.Random(8).randbytes(3_000_000)
SHA1 = hashlib.sha1(CONTENT).hexdigest()
WRONG = "0" * 40


def check(
    *, expected: str | None = SHA1, size: int | None = len(CONTENT), algorithm: str = "sha1"
) -> streams.Report:
    sink = Collect()
    stage = streams.checksum(algorithm, expected=expected, size=size)
    try:
        report = streams.run(Supply(pieces(CONTENT, 100_000)), stage, sink)
    except streams.StreamError:
        assert not sink.saw_end
        raise
    assert sink.content == CONTENT
    return report


@pytest.mark.parametrize("algorithm", ["sha1", "md5", "sha256", "sha512", "blake2b"])
def test_the_digest_and_the_size_are_left_as_facts(way: str, algorithm: str) -> None:
    digest = hashlib.new(algorithm, CONTENT).hexdigest()
    for expected in (None, digest, digest.upper()):
        facts = check(algorithm=algorithm, expected=expected).facts
        assert facts == {algorithm: digest, "size": len(CONTENT)}


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_wrong_digest_is_told_and_the_end_is_not_shown(way: str, algorithm: str) -> None:
    digest = hashlib.new(algorithm, CONTENT).hexdigest()
    with pytest.raises(streams.ChecksumError) as caught:
        check(algorithm=algorithm, expected="f" * len(digest))
    error = caught.value
    assert (error.algorithm, error.got, error.wanted) == (algorithm, digest, "f" * len(digest))
    assert (error.stage, error.offset) == ("checksum", len(CONTENT))
    assert str(error) == f'{algorithm} is "{digest}", expected "{"f" * len(digest)}"'


def test_too_few_bytes(way: str) -> None:
    with pytest.raises(streams.SizeError) as caught:
        check(size=len(CONTENT) + 1)
    assert str(caught.value) == "expected 3000001 bytes, got 3000000"
    assert (caught.value.got, caught.value.wanted) == (3_000_000, 3_000_001)
    assert caught.value.offset == 3_000_000


def test_one_byte_too_many_is_told_at_once(way: str) -> None:
    with pytest.raises(streams.SizeError, match=r"^expected 2999999 bytes, got more$"):
        check(size=len(CONTENT) - 1)


def test_an_endless_stream_that_is_too_long_ends(way: str) -> None:
    sink = Collect(keep=False)
    with pytest.raises(streams.SizeError):
        streams.run(Supply(unending()), streams.checksum("sha1", size=1_000_000), sink)
    assert not sink.saw_end


def test_a_digest_of_nothing(way: str) -> None:
    sink = Collect()
    report = streams.run(Supply([]), streams.checksum("sha1", size=0), sink)
    assert report.facts == {"sha1": hashlib.sha1().hexdigest(), "size": 0}
    assert sink.saw_end


def test_a_program_is_ended_before_it_sees_the_end_of_wrong_bytes(way: str, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    for script in (
        'cat >/dev/null; touch "$0"',
        'trap "" TERM; cat >/dev/null; touch "$0"',
        'trap "exit 0" TERM; cat >/dev/null; touch "$0"',
        'exec 3<&0; (cat <&3 >/dev/null; touch "$0") & wait',
    ):
        with pytest.raises(streams.ChecksumError):
            streams.run(
                Supply(pieces(CONTENT, 100_000)),
                streams.checksum("sha1", expected=WRONG),
                streams.into_process(["sh", "-c", script, str(touched)]),
            )
        assert not touched.exists(), script
    streams.run(
        Supply(pieces(CONTENT, 100_000)),
        streams.checksum("sha1", expected=SHA1),
        streams.into_process(["sh", "-c", 'cat >/dev/null; touch "$0"', str(touched)]),
    )
    assert touched.exists()


def test_no_file_appears_of_wrong_bytes(way: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(streams.ChecksumError):
        streams.run(
            Supply(pieces(CONTENT, 100_000)),
            streams.checksum("sha1", expected=WRONG),
            streams.write_file(path),
        )
    assert list(tmp_path.iterdir()) == []


TEXT = b"".join(b"line %d of a long text\n" % number for number in range(200_000))


def damaged(compressed: bytes) -> bytes:
    return compressed[:1000] + b"\xff" * 20 + compressed[1020:]


def slowly(content: bytes, pause: float) -> Iterator[bytes]:
    """The first half, and the other one a moment later."""
    yield content[: len(content) // 2]
    time.sleep(pause)
    yield content[len(content) // 2 :]


def receive(
    compressed: bytes, expected: bytes, *last: streams.Stage, compression: str, pause: float = 0.1
) -> None:
    streams.run(
        Supply(slowly(compressed, pause)),
        streams.checksum("sha1", expected=hashlib.sha1(expected).hexdigest()),
        streams.decompress(compression),
        *last,
    )


@pytest.mark.parametrize(
    ("compression", "compressed"),
    [
        ("gzip", gzip.compress(TEXT, 1)),
        ("bzip2", bz2.compress(TEXT, 1)),
        ("xz", lzma.compress(TEXT, preset=0)),
        ("zstd", zstandard.ZstdCompressor(write_checksum=True).compress(TEXT)),
    ],
    ids=["gzip", "bzip2", "xz", "zstd"],
)
def test_a_transfer_is_to_blame_for_bytes_that_were_damaged_on_the_way(
    compression: str, compressed: bytes
) -> None:
    sinks = [Collect(), Collect()]
    with pytest.raises(streams.ChecksumError) as caught:
        receive(damaged(compressed), compressed, sinks[0], compression=compression)
    assert caught.value.wanted == hashlib.sha1(compressed).hexdigest()
    # An image that was published damaged is another matter.
    with pytest.raises(streams.DecompressionError):
        receive(damaged(compressed), damaged(compressed), sinks[1], compression=compression)
    assert not any(sink.saw_end for sink in sinks)


def test_the_later_failure_is_kept_as_the_cause() -> None:
    compressed = gzip.compress(TEXT, 1)
    with pytest.raises(streams.ChecksumError) as caught:
        receive(damaged(compressed), compressed, Collect(), compression="gzip")
    assert isinstance(caught.value.__cause__, streams.DecompressionError)
    assert caught.value.__cause__.stage == "decompress"


def test_a_program_that_refuses_damaged_bytes(way: str) -> None:
    script = "head -c 1000 >/dev/null; echo bad stream >&2; exit 1"

    def refuses() -> streams.Stage:
        return streams.into_process(["sh", "-c", script])

    with pytest.raises(streams.ChecksumError):
        receive(CONTENT, TEXT, refuses(), compression="none")
    with pytest.raises(streams.ProcessError, match="bad stream"):
        receive(CONTENT, CONTENT, refuses(), compression="none")


def test_the_diagnosis_does_not_wait_for_a_slow_transfer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome, "DIAGNOSIS_SECONDS", 0.05)
    compressed = gzip.compress(TEXT, 1)
    with pytest.raises(streams.DecompressionError):
        receive(damaged(compressed), compressed, Collect(), compression="gzip", pause=0.5)


def test_a_program_that_fails_while_the_checksum_waits_is_told_as_it_is(way: str) -> None:
    with pytest.raises(streams.ProcessError, match="exit code 7"):
        streams.run(
            Supply(slowly(CONTENT[:1000], 0.2)),
            streams.checksum("sha1", expected=hashlib.sha1(CONTENT[:1000]).hexdigest()),
            streams.into_process(["sh", "-c", "exit 7"]),
        )
