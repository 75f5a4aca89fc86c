"""The shapes of an import that are timed: ours, those of others, and each stage alone.

Each function runs its shape once, checks that the work was really done, and returns the wall time
in seconds. What is needed before and cleared away after is not timed.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases.ends import FromMemory, Nowhere
from benchmarks.measuring.peers import ORDINARY, Program, compress, decode, download, one_pass
from benchmarks.measuring.programs import PYTHON, TOOLS, imgadm_command, seconds_of
from benchmarks.subjects.subject import Image, Subject
from benchmarks.tools.drain import drain
from benchmarks.tools.pack import pack
from imgadm import streams


@dataclass(frozen=True)
class Bench:
    """What shapes are run on: the subject, the URL of a server that has it, room for files."""

    subject: Subject
    url: str
    scratch: Path

    def file_url(self, image: Image) -> str:
        return f"{self.url}/images/{image.uuid}/file"

    @property
    def environ(self) -> dict[str, str]:
        """Where the command keeps its state and its images here."""
        return {
            "IMGADM_ROOT": str(self.scratch / "state"),
            "IMGADM_POOL": str(self.scratch / "pool"),
        }


# Ours


def into_draining_process(bench: Bench, image: Image) -> float:
    """The stages of an import, in this process, into one that drains."""
    started = time.perf_counter()
    report = drain(bench.file_url(image), image.compression, image.sha1, image.size)
    elapsed = time.perf_counter() - started
    expect(report.bytes_out, bench.subject.stream_size)
    return elapsed


def into_draining_process_as_program(bench: Bench, image: Image) -> float:
    """The same with the start of a Python interpreter, as a script pays it."""
    facts = [image.compression, image.sha1, str(image.size)]
    return seconds_of([*PYTHON, TOOLS / "drain.py", bench.file_url(image), *facts])


def import_arguments(bench: Bench, image: Image) -> list[str]:
    """The command of an import into a directory pool."""
    return [*imgadm_command(), "import", "-q", "-S", bench.url, image.uuid]


def import_command(bench: Bench, image: Image) -> float:
    """``imgadm import`` into a directory pool, synced disk and all."""
    return _into_pool(bench, image, import_arguments(bench, image))


def install_command(bench: Bench, image: Image) -> float:
    """``imgadm install`` of a local file into a directory pool, synced disk and all."""
    files = ["-m", str(image.manifest_path), "-f", str(image.path)]
    return _into_pool(bench, image, [*imgadm_command(), "install", "-q", *files])


def create_arguments(bench: Bench) -> list[str]:
    """The command that makes an image of the raw disk, not compressed."""
    fields = ["name=bench", "version=1", "os=linux", "-o", str(bench.scratch / "created")]
    return [*imgadm_command(), "create", "--disk", str(bench.subject.disk), *fields]


def create_command(bench: Bench) -> float:
    """``imgadm create --disk`` of the raw disk, not compressed; the file is synced."""
    clear(bench)
    try:
        elapsed = seconds_of(create_arguments(bench), bench.environ)
        expect((bench.scratch / "created.zvol").stat().st_size, bench.subject.stream_size)
    finally:
        clear(bench)
    return elapsed


def _into_pool(bench: Bench, image: Image, argv: list[str]) -> float:
    pool = bench.scratch / "pool"
    clear(bench)
    try:
        elapsed = seconds_of(argv, bench.environ)
        if not filecmp.cmp(pool / image.uuid / "disk.raw", bench.subject.disk, shallow=False):
            raise RuntimeError(f"the disk of {image.path.name} is not the original")
    finally:
        clear(bench)
    return elapsed


def stream_to_disk(bench: Bench, *, durable: bool) -> float:
    """The uncompressed stream from its file into a raw disk, in this process."""
    disk = bench.scratch / "disk.raw"
    clear(bench)
    try:
        started = time.perf_counter()
        streams.run(
            streams.read_file(bench.subject.stream), streams.to_raw_disk(disk, durable=durable)
        )
        return time.perf_counter() - started
    finally:
        clear(bench)


def compress_ours(bench: Bench, source: Path, compression: str) -> float:
    """The stages of a creation: from a file, compressed and hashed, into a file."""
    target = bench.scratch / "packed"
    clear(bench)
    try:
        started = time.perf_counter()
        report = pack(source, compression, target)
        elapsed = time.perf_counter() - started
        expect(report.bytes_in, source.stat().st_size)
        return elapsed
    finally:
        clear(bench)


# Others


def compress_theirs(bench: Bench, source: Path, program: Program) -> float:
    """The same without the hash, by a program."""
    target = bench.scratch / "packed"
    clear(bench)
    try:
        return seconds_of(["bash", "-c", compress(source, program, target)])
    finally:
        clear(bench)


def two_pass(bench: Bench, image: Image) -> float:
    """Download to a file while hashing, then decompress from the file."""
    file, digest = bench.scratch / "download", bench.scratch / "digest"
    clear(bench)
    try:
        first = seconds_of(["bash", "-c", download(bench.file_url(image), file, digest)])
        _expect_digest(digest, image)
        second = seconds_of(["bash", "-c", decode(file, ORDINARY[image.compression])])
        return first + second
    finally:
        clear(bench)


def shell_pipeline(bench: Bench, image: Image, decoder: Program) -> float:
    """One pass in the shell. Nothing in it would stop bytes that are wrong."""
    digest = bench.scratch / "digest"
    digest.unlink(missing_ok=True)
    elapsed = seconds_of(["bash", "-c", one_pass(bench.file_url(image), decoder, digest)])
    _expect_digest(digest, image)
    return elapsed


def _expect_digest(digest: Path, image: Image) -> None:
    """Bash does not wait for the ``sha1sum`` at the side; here it is waited for, untimed."""
    limit = time.monotonic() + 10
    while not digest.read_text().endswith("\n") and time.monotonic() < limit:
        time.sleep(0.001)
    expect(digest.read_text()[:40], image.sha1)


def copy_stream(bench: Bench, *, durable: bool) -> float:
    """``cp`` of the uncompressed stream, and a ``sync`` of the copy."""
    copy = bench.scratch / "copy"
    clear(bench)
    try:
        elapsed = seconds_of(["cp", bench.subject.stream, copy])
        return elapsed + (seconds_of(["sync", copy]) if durable else 0.0)
    finally:
        clear(bench)


def copy_disk(bench: Bench) -> float:
    """``cp --sparse=always`` of the raw disk, and a ``sync`` of the copy."""
    copy = bench.scratch / "copy"
    clear(bench)
    try:
        elapsed = seconds_of(["cp", "--sparse=always", bench.subject.disk, copy])
        return elapsed + seconds_of(["sync", copy])
    finally:
        clear(bench)


# Each stage alone


def fetch_alone(bench: Bench, image: Image) -> float:
    """The network to nowhere."""
    return _alone(streams.http_get(bench.file_url(image)), wanted=image.size)


def checksum_alone(content: memoryview, image: Image) -> float:
    """The compressed file, from memory."""
    stage = streams.checksum("sha1", expected=image.sha1, size=image.size)
    return _alone(FromMemory(content), stage, wanted=image.size)


def decompress_alone(content: memoryview, image: Image, stream_size: int) -> float:
    """The compressed file from memory to nowhere."""
    stage = streams.decompress(image.compression)
    return _alone(FromMemory(content), stage, wanted=stream_size)


def sink_alone(stream: memoryview) -> float:
    """The stream, from memory into the draining process."""
    started = time.perf_counter()
    streams.run(FromMemory(stream), streams.into_process(["cat"], copies_input=True))
    return time.perf_counter() - started


def _alone(*stages: streams.Stage, wanted: int) -> float:
    end = Nowhere()
    started = time.perf_counter()
    streams.run(*stages, end)
    elapsed = time.perf_counter() - started
    expect(end.size, wanted)
    return elapsed


def stages_alone(bench: Bench, image: Image) -> dict[str, Callable[[], float]]:
    """Every stage of an import of ``image``, fed from memory that is filled here and now."""
    packed = memoryview(image.path.read_bytes())
    stream = memoryview(bench.subject.stream.read_bytes())
    return {
        "fetch": lambda: fetch_alone(bench, image),
        "checksum": lambda: checksum_alone(packed, image),
        "decompress": lambda: decompress_alone(packed, image, len(stream)),
        "sink": lambda: sink_alone(stream),
    }


def expect(got: object, wanted: object) -> None:
    """A measurement of something that went wrong is none."""
    if got != wanted:
        raise RuntimeError(f"got {got}, wanted {wanted}")


def clear(bench: Bench) -> None:
    """Empty the scratch folder, and have nothing waiting to be written."""
    shutil.rmtree(bench.scratch, ignore_errors=True)
    bench.scratch.mkdir(parents=True)
    (bench.scratch / "pool").mkdir()
    os.sync()
