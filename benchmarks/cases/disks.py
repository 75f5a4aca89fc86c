"""Streams into raw disks, and raw disks into streams, next to ``cp``; nothing is compressed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.cases import shapes
from benchmarks.cases.shapes import Bench
from benchmarks.figures import goals
from benchmarks.figures.rows import Row, ours_over_peer
from benchmarks.measuring.measure import Plan, run_rounds, warm_up


def measure(bench: Bench, plan: Plan, say: Callable[[str], None]) -> Iterator[Row]:
    """Like with like: the stages with and without a sync, and the whole command, which syncs."""
    say("a local stream into a directory pool, and a disk into a stream")
    timed = warm_up(
        {
            "stages": lambda: shapes.stream_to_disk(bench, durable=False),
            "cp": lambda: shapes.copy_stream(bench, durable=False),
            "stages synced": lambda: shapes.stream_to_disk(bench, durable=True),
            "cp synced": lambda: shapes.copy_stream(bench, durable=True),
            "install": lambda: shapes.install_command(bench, bench.subject.images["none"]),
            "create": lambda: shapes.create_command(bench),
            "cp sparse, synced": lambda: shapes.copy_disk(bench),
        },
        rivals=set(),
    )
    result = run_rounds(timed, plan, say)
    for key, what, ours, peer, goal in (
        ("copy", "read_file, to_raw_disk; neither synced", "stages", "cp", goals.COPY),
        (
            "copy-synced",
            "read_file, to_raw_disk; both synced",
            "stages synced",
            "cp synced",
            goals.COPY,
        ),
        ("install-synced", "imgadm install; both synced", "install", "cp synced", goals.COPY),
        ("install", "imgadm install, synced, ÷ cp that is not", "install", "cp", None),
    ):
        yield ours_over_peer(
            key, f"zvol stream to disk ÷ cp: {what}", peer, result.compare(ours, peer), goal
        )
    yield ours_over_peer(
        "create-disk",
        "disk to zvol stream ÷ cp --sparse=always: imgadm create --disk; both synced",
        "cp sparse, synced",
        result.compare("create", "cp sparse, synced"),
        goals.DISK_IMAGE,
    )
