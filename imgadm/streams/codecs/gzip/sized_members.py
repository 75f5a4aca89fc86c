"""Gzip members that tell their size (:mod:`.member_layout`), several at a time.

Only what is entirely as we would have written it is decoded here. Anything else, a size that is not
true, damage, an end in the middle, is put back for the decoder that goes byte by byte, which
takes every valid file and knows what to say of the others.
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

#: One more than usual: it is this thread that hands out members, and that waits for what follows.
_JOBS_PER_THREAD = 3

#: Decodes a whole member with that many bytes of content and checks it; None if it is not right.
DecodeWhole = Callable[[bytearray, int], Buffer | None]


def decode_sized_members(
    source: ByteSource,
    outlet: Outlet,
    context: Context,
    decode_whole: DecodeWhole,
    threads: int,
) -> bool:
    """Decode members up to the first that does not tell its size.

    False: up to one that is not as it should be, which the source is at; others may be like it.
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
    """The next ``size`` bytes, or None if they can't be a member of ours; then none are taken."""
    if not HEADER_SIZE + TRAILER_SIZE < size <= LARGEST_MEMBER:
        return None
    member = source.take(size)
    if len(member) < size:
        source.restore(member)
        return None
    return member
