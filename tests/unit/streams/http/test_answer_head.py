"""The head of an answer is the same however the bytes of the connection are cut."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgadm.streams.http.answers.head import MAX_ANSWER_HEAD_BYTES, AnswerHead
from imgadm.streams.http.answers.response import timed_response
from imgadm.streams.http.failures import BadAnswerError

INTERIM = [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Hints\nLink: </x>\n\n"]
HEADS = [
    b"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\nno field\r\n\r\n",
    b"HTTP/1.0 404 No\nA: b\n\n",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"SSH-2.0\r\n\r\n",
]
BODIES = [b"", b"\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"content\n\ncontent"]


@given(
    st.lists(st.sampled_from(INTERIM), max_size=4),
    st.sampled_from(HEADS),
    st.sampled_from(BODIES),
    st.lists(st.integers(1, 40), max_size=60),
)
def test_any_cut(interim: list[bytes], text: bytes, body: bytes, cuts: list[int]) -> None:
    data = b"".join(interim) + text + body
    head = AnswerHead()
    while data:
        size = cuts.pop() if cuts else len(data)
        head.feed(data[:size])
        data = data[size:]
    assert head.is_complete
    assert head.has_begun(ended=True)
    assert b"".join(head.lines()) == text.replace(b"no field\r\n", b"")
    assert head.rest() == body


@pytest.mark.parametrize(
    "line",
    [b"no field\r\n", b"\xc3\x9c: a\r\n b: c\r\n", b"A\0B: c\n", b"A : b\r\n", b"From a: b\n"],
)
def test_a_line_that_is_no_field_does_not_end_the_head(line: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\n" + line + b"Content-Length: 5\r\n\r\nhello")
        response = timed_response(None, ours)
        response.begin()
        assert response.headers["Content-Length"] == "5"
        assert response.read() == b"hello"
        response.close()


@pytest.mark.parametrize("text", [b"", b"HTTP/1.1 103", b"".join(INTERIM)])
def test_an_interim_answer_is_no_answer(text: bytes) -> None:
    head = AnswerHead()
    head.feed(text)
    assert not head.has_begun(ended=True)
    assert not head.is_complete


def test_an_answer_begins_with_its_status() -> None:
    head = AnswerHead()
    for byte in b"HTTP/1.1 20":
        head.feed(bytes([byte]))
        assert not head.has_begun()
        assert head.has_begun(ended=True)
    head.feed(b"0")
    assert head.has_begun()


@pytest.mark.parametrize("piece", [b"x" * 1000, b"X: y\r\n" * 100, INTERIM[0] * 50])
def test_bound(piece: bytes) -> None:
    head = AnswerHead()
    for _ in range(MAX_ANSWER_HEAD_BYTES // len(piece)):
        head.feed(piece)
    with pytest.raises(BadAnswerError, match="no answer in the first"):
        head.feed(piece)


def test_interim_answers_while_a_server_takes_bytes() -> None:
    head = AnswerHead()
    for _ in range(2 * MAX_ANSWER_HEAD_BYTES // len(INTERIM[0])):
        head.feed(INTERIM[0])
        head.restart_bound()
    head.feed(HEADS[0])
    assert head.is_complete
