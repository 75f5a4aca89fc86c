"""The parallel decoding of gzip members that record their size (:mod:`.member_layout`).

This decoder takes only members exactly as imgadm writes them. It puts any other back, be its size
untrue, its data damaged or its end missing. The decoder that goes byte by byte then decodes it or
reports what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from imgadm.streams.codecs.allocator import keep_freed_memory
from imgadm.streams.codecs.byte_source import ByteSource
from imgadm.streams.codecs.gzip.member_layout import (
    CONTENT_SIZE,
    HEADER_SIZE,
    LARGEST_MEMBER,
    TRAILER_SIZE,
    size_by_header,
)
from imgadm.streams.codecs.ordered_jobs import OrderedJobs
from imgadm.streams.engine.buffers import Buffer
from imgadm.streams.engine.stage import Context, Outlet

_JOBS_PER_THREAD = 3
"""One more than usual, because one thread hands out members and waits for the next stage."""

DecodeWhole = Callable[[bytearray, int], Buffer | None]
"""A function that decodes a member with so many bytes of content; None if the member is wrong."""


def decode_sized_members(
    source: ByteSource,
    outlet: Outlet,
    context: Context,
    decode_whole: DecodeWhole,
    threads: int,
) -> bool:
    """Decode members up to the first that does not record its size.

    Returns False if decoding ended at a member that is not as its header says. The source is then
    at that member, and the caller should expect more of the same kind.
    """

    def job(member: bytearray) -> tuple[bytearray, Buffer | None]:
        size = int.from_bytes(member[-4:], "little")
        return member, decode_whole(member, size) if size <= CONTENT_SIZE else None

    keep_freed_memory()
    with OrderedJobs[tuple[bytearray, Buffer | None]](
        threads, name="decompress", jobs_per_thread=_JOBS_PER_THREAD
    ) as jobs:
        more, honest = True, True
        while more or jobs:
            context.cancel.check()
            if more and not jobs.full:
                told = size_by_header(source.peek(HEADER_SIZE))
                member = None if told is None else _take_member(source, told)
                more, honest = member is not None, honest and (told is None or member is not None)
                if member is not None:
                    jobs.submit(partial(job, member))
                continue
            member, content = jobs.next()
            if content is None:
                source.restore(member + b"".join(jobs.next()[0] for _ in range(len(jobs))))
                return False
            outlet.put(content)
    return honest


def _take_member(source: ByteSource, size: int) -> bytearray | None:
    """Take the next ``size`` bytes; take none and return None if they can't be a member."""
    if not HEADER_SIZE + TRAILER_SIZE < size <= LARGEST_MEMBER:
        return None
    member = source.take(size)
    if len(member) < size:
        source.restore(member)
        return None
    return member
