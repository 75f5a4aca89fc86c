"""Downloads over connections that break: no byte twice, none lost, none of another file."""

from __future__ import annotations

import hashlib
import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgadm import streams
from imgadm.streams.http.resuming import MAX_RESUMES
from tests.unit.streams.stages import Collect

from .servers import (
    Answer,
    Behaviour,
    Connection,
    RangeAnswer,
    Request,
    Server,
    hang_up,
    never_answer,
)

CONTENT = random.Random(2).randbytes(2_500_000)
OTHER = random.Random(3).randbytes(2_500_000)
SHA1 = hashlib.sha1(CONTENT).hexdigest()
TAG = '"a"'
NO_WAIT = (0.0, 0.0, 0.0)
ONCE = ["the connection was lost and resumed once"]


def fetch(
    url: str, content: bytes = CONTENT, delays: tuple[float, ...] = NO_WAIT, stall: float = 5.0
) -> streams.Report:
    sink = Collect()
    report = streams.run(
        streams.http_get(url, delays=delays, stall_timeout=stall),
        streams.checksum("sha1", expected=SHA1),
        sink,
    )
    assert sink.content == content
    assert [(stage.bytes_in, stage.bytes_out) for stage in report.stages[:2]] == [
        (len(content), len(content))
    ] * 2
    return report


def ranges_asked(server: Server) -> list[str | None]:
    return [request.headers.get("range") for request in server.requests]


@pytest.mark.parametrize("end", ["close", "reset", "stall"])
@pytest.mark.parametrize("sent", [0, 1, 100, 1_000_000, len(CONTENT) - 1])
def test_a_server_that_proves_it_goes_on_where_it_ended(
    way: str, server: Server, sent: int, end: str
) -> None:
    cut = RangeAnswer(CONTENT, TAG, send=sent, end=end)  # type: ignore[arg-type]
    report = fetch(server.plan(cut, RangeAnswer(CONTENT, TAG)), stall=0.3)
    assert report.notes == ONCE
    assert server.requests[1].headers.get("if-range") in (TAG, None)
    assert len(server.requests) == 2


def test_the_rest_is_asked_for_by_range(way: str, server: Server) -> None:
    fetch(server.plan(RangeAnswer(CONTENT, TAG, send=1_000_000), RangeAnswer(CONTENT, TAG)))
    assert ranges_asked(server) == [None, "bytes=1000000-"]


def test_a_connection_may_break_again_and_again(way: str, server: Server) -> None:
    cut = RangeAnswer(CONTENT, TAG, send=300_000)
    report = fetch(server.plan(cut))
    assert report.notes == ["the connection was lost and resumed 8 times"]


def partial(content_range: str, body: bytes, etag: str | None = TAG) -> Answer:
    headers = {"Content-Range": content_range} | ({} if etag is None else {"ETag": etag})
    return Answer(body, "206 Partial Content", headers)


CUT_AT = 1_000_000
REST = CONTENT[CUT_AT:]
WHOLE = Answer(CONTENT, headers={"ETag": TAG})


@pytest.mark.parametrize(
    ("second", "requests"),
    [
        (WHOLE, 2),
        (Answer(CONTENT, headers={"ETag": '"b"'}), 2),
        (partial(f"bytes 1000000-2499999/{len(CONTENT)}", REST, etag='"b"'), 3),
        (partial(f"bytes 1000000-2499999/{len(CONTENT)}", REST, etag=None), 3),
        (partial("bytes 1000001-2499999/2500000", REST[1:]), 3),
        (partial("bytes 1000000-2499999/2600000", REST), 3),
        (partial("bytes 1000000-2499999/*", REST), 3),
        (partial("", REST), 3),
        (Answer(b"", "416 Range Not Satisfiable"), 3),
        (partial("bytes 1000000-1499999/2500000", REST[:500_000]), 3),
        (
            Answer(
                REST,
                "206 Partial Content",
                {"ETag": TAG, "Content-Range": "bytes 1000000-2499999/2500000"},
                chunked=True,
            ),
            2,
        ),
    ],
    ids=[
        "ignores the range",
        "whole under another tag",
        "another tag",
        "no tag",
        "another place",
        "another length",
        "no length",
        "no place",
        "416",
        "less than asked for",
        "in chunks",
    ],
)
def test_any_second_answer_loses_and_repeats_nothing(
    way: str, server: Server, second: Answer, requests: int
) -> None:
    first = RangeAnswer(CONTENT, TAG, send=CUT_AT)
    report = fetch(server.plan(first, second, RangeAnswer(CONTENT, TAG)))
    assert report.notes[0].startswith("the connection was lost and resumed")
    assert len(server.requests) == requests
    assert ranges_asked(server)[1] == "bytes=1000000-"


@pytest.mark.parametrize("etag", [None, 'W/"a"'])
def test_without_a_strong_tag_it_reads_again(way: str, server: Server, etag: str | None) -> None:
    headers = {} if etag is None else {"ETag": etag}
    cut, whole = Answer(CONTENT, headers=headers, send=700_000), Answer(CONTENT, headers=headers)
    assert fetch(server.plan(cut, whole)).notes == ONCE
    assert ranges_asked(server) == [None, None]


@pytest.mark.parametrize("sent", [1, 100, 5000, 300_000])
def test_the_prefix_that_is_read_again_may_end_anywhere(
    way: str, server: Server, sent: int
) -> None:
    # All in one piece, so that headers and the beginning of the body come together.
    fetch(server.plan(Answer(CONTENT, send=sent), Answer(CONTENT, piece=len(CONTENT))))


def test_a_connection_that_breaks_while_the_prefix_is_read_again(way: str, server: Server) -> None:
    plan = [Answer(CONTENT, send=sent) for sent in (1_000_000, 500_000, 2_000_000)]
    report = fetch(server.plan(*plan, Answer(CONTENT)))
    assert report.notes == ["the connection was lost and resumed 3 times"]


@pytest.mark.parametrize("end", ["close", "reset"])
def test_chunks_that_break_off(server: Server, end: str) -> None:
    cut = Answer(CONTENT, chunked=True, send=900_000, end=end)  # type: ignore[arg-type]
    assert fetch(server.plan(cut, Answer(CONTENT, chunked=True))).notes == ONCE


def test_an_answer_without_length_that_is_reset(server: Server) -> None:
    cut = Answer(CONTENT, promise=None, send=900_000, end="reset")
    assert fetch(server.plan(cut, Answer(CONTENT, promise=None))).notes == ONCE


@pytest.mark.parametrize(
    "second",
    [
        Answer(OTHER),
        Answer(CONTENT[:999_999] + b"\0" + CONTENT[1_000_000:]),
        Answer(CONTENT[:-1]),
        Answer(CONTENT + b"\0"),
        Answer(CONTENT, chunked=True),
    ],
    ids=["other bytes", "one byte", "shorter", "longer", "no length any more"],
)
def test_a_file_that_changed_meanwhile(way: str, server: Server, second: Answer) -> None:
    with pytest.raises(streams.FetchError) as caught:
        fetch(server.plan(Answer(CONTENT, send=1_000_000), second))
    assert caught.value.code == "Changed"
    assert str(caught.value) == (
        f"the file at {server.url} changed while it was being downloaded; import it again"
    )
    assert len(server.requests) == 2


def test_it_gives_up_when_nothing_comes_any_more(way: str, server: Server) -> None:
    with pytest.raises(streams.FetchError) as caught:
        fetch(server.plan(Answer(CONTENT, send=1000), hang_up), delays=(0.0, 0.01, 0.02))
    assert "(tried 4 times, got 1000 bytes of 2500000)" in str(caught.value)
    assert caught.value.offset == 1000
    assert len(server.requests) == 4


def test_it_gives_up_when_it_never_gets_far(way: str, server: Server) -> None:
    with pytest.raises(streams.SizeError, match=f"tried {MAX_RESUMES + 1} times"):
        fetch(server.plan(RangeAnswer(CONTENT, TAG, send=1)))
    assert len(server.requests) == MAX_RESUMES + 1


def test_it_waits_longer_from_attempt_to_attempt(server: Server) -> None:
    begin = time.monotonic()
    with pytest.raises(streams.FetchError):
        fetch(server.plan(Answer(CONTENT, send=1000), hang_up), delays=(0.0, 0.1, 0.2))
    assert time.monotonic() - begin >= 0.3


def refuse_from_now_on(server: Server) -> Behaviour:
    def behave(connection: Connection, request: Request) -> None:
        server.refuse()
        Answer(CONTENT, send=1000)(connection, request)

    return behave


def test_a_server_that_is_gone(way: str, server: Server) -> None:
    with pytest.raises(streams.FetchError) as caught:
        fetch(server.plan(refuse_from_now_on(server)))
    assert caught.value.code == "ECONNREFUSED"
    assert str(caught.value).endswith("(tried 4 times, got 1000 bytes of 2500000)")


@pytest.mark.parametrize(
    ("status", "attempts"),
    [("404 Not Found", 2), ("501 Never", 2), ("500 Oops", 4), ("408 Late", 4), ("503 Busy", 4)],
)
def test_answers_that_say_not_now_are_asked_again(
    way: str, server: Server, status: str, attempts: int
) -> None:
    with pytest.raises(streams.FetchError) as caught:
        fetch(server.plan(Answer(CONTENT, send=1000), Answer(status=status)))
    assert caught.value.status == int(status[:3])
    assert len(server.requests) == attempts


def test_a_server_that_falls_silent_before_it_answers(way: str, server: Server) -> None:
    plan = [Answer(CONTENT, send=1000), never_answer, Answer(CONTENT)]
    report = fetch(server.plan(*plan), stall=0.2)
    assert report.notes == ["the connection was lost and resumed 2 times"]


def test_a_slow_server_is_not_a_silent_one(way: str, server: Server) -> None:
    report = fetch(server.plan(Answer(CONTENT, piece=250_000, pause=0.1)), stall=0.5)
    assert report.notes == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    cuts=st.lists(st.integers(0, len(CONTENT)), max_size=5),
    kinds=st.lists(st.booleans(), min_size=6, max_size=6),
    abruptly=st.booleans(),
)
def test_any_sequence_of_cuts(cuts: list[int], kinds: list[bool], abruptly: bool) -> None:
    end = "reset" if abruptly else "close"
    plan: list[Behaviour] = [
        RangeAnswer(CONTENT, TAG, send=cut, end=end)  # type: ignore[arg-type]
        if by_range
        else Answer(CONTENT, headers={"ETag": TAG}, send=cut, end=end)  # type: ignore[arg-type]
        for cut, by_range in zip(cuts, kinds, strict=False)
    ]
    with Server() as server:
        fetch(server.plan(*plan, RangeAnswer(CONTENT, TAG)), delays=(0.0,) * 7)


def test_an_immutable_file_goes_on_without_a_proof(server: Server) -> None:
    """The next stage would notice another file. The download keeps no hash."""
    hashed = hashlib.sha256(CONTENT).hexdigest()
    url = server.plan(Answer(CONTENT, send=1_000_000), rest_of(CONTENT))
    for expected in (hashed, hashlib.sha256(OTHER).hexdigest()):
        sink = Collect()
        file = streams.HttpFile(url, None, {}, (5, 5), immutable=True)
        stages = (
            streams.http_get_file(file, delays=NO_WAIT),
            streams.checksum("sha256", expected=expected),
            sink,
        )
        if expected == hashed:
            assert streams.run(*stages).notes == ONCE
            assert sink.content == CONTENT
            server.plan(Answer(CONTENT, send=1_000_000), rest_of(CONTENT))
        else:
            with pytest.raises(streams.ChecksumError):
                streams.run(*stages)
    assert ranges_asked(server) == [None, "bytes=1000000-"] * 2


def rest_of(content: bytes) -> Behaviour:
    """Answers with the range, and does not prove that the file is the same."""

    def answer(connection: Connection, request: Request) -> None:
        begin = int(request.headers["range"].removeprefix("bytes=").removesuffix("-"))
        headers = {"Content-Range": f"bytes {begin}-{len(content) - 1}/{len(content)}"}
        Answer(content[begin:], "206 Partial Content", headers)(connection, request)

    return answer
