"""Every kind of request to servers that answer oddly, wrongly, endlessly or never.

Each row is tried with each kind: a list, a manifest, a token, an image file, a layer, an upload.
Either the right content arrives, or a typed error says what is wrong, in bounded time and memory.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from imgadm import streams
from imgadm.base.errors import ImgadmError
from imgadm.client import budget
from imgadm.client.http_client import HttpClient
from imgadm.client.session import make_session
from imgadm.registry.access.tokens import Grant, Tokens
from imgadm.registry.blobs import BlobFile
from imgadm.sources import ClientOptions, open_source
from imgadm.state.source_config import SourceConfig
from tests.unit.streams.http.servers import Connection, Request, Server
from tests.unit.streams.stages import Collect, Supply

from . import wire
from .wire import Misbehaviour, Once, Say, coded, for_ever, head, raw

UUID = "3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0001"
MANIFEST = json.dumps({"v": 2, "uuid": UUID, "name": "foo", "description": "x" * 700}).encode()
LIST = b"[" + MANIFEST + b"]"
TOKEN = b'{"token": "abc"}'
FILE = hashlib.sha256(b"file").digest() * 32

RIGHT = "right"
CUT = r"was cut|ended early|ECONNRESET|no valid HTTP reply|[Cc]onnection reset|not JSON|cut short"
LATE = r"ETIMEDOUT|timed out|no answer within|not complete after|took no bytes"
NOWHERE = r"redirect|302"
TOO_LONG = r"longer than|sends more|too long|more than|did not include a token"
STATUS = r"HTTP status|answered \d|got status|failed with status|too long"

IN_FLOOD = r"no answer in the first|interim answers"
NOT_UNDONE = r'coding "'
WEB_PAGE = r"web page|text/html|did not include a token|a JSON reply"

ROWS: list[tuple[str, Misbehaviour | Once, Any]] = [
    ("well", Say(), RIGHT),
    ("HTTP/1.0", Say(version="1.0"), RIGHT),
    ("200 fields", Say(fields=tuple(f"X-{n}: {n}" for n in range(200))), RIGHT),
    ("5000 cookies", Say(fields=("Set-Cookie: a=b",) * 5000), RIGHT),
    ("a long field", Say(fields=("X-Long: " + "x" * 60_000,)), RIGHT),
    ("a folded field", Say(fields=("X-Folded: a", " b")), RIGHT),
    ("a line that is no field", Say(fields=("this is no field",), length=None), RIGHT),
    (
        "lines end with LF",
        raw(lambda it: b"HTTP/1.1 200 OK\nContent-Length: %d\n\n%s" % (len(it), it)),
        RIGHT,
    ),
    (
        "a field without end",
        for_ever(b"x" * 65536, first=b"HTTP/1.1 200 OK\r\nX: "),
        IN_FLOOD + "|header line|" + CUT,
    ),
    (
        "fields without end",
        for_ever(b"X: y\r\n" * 1000, first=b"HTTP/1.1 200 OK\r\n"),
        IN_FLOOD + "|" + CUT,
    ),
    ("a head of 600 KiB", Say(fields=("X: " + "x" * 1000,) * 600), IN_FLOOD),
    ("100 first", Say(before=head("100 Continue")), RIGHT),
    (
        "102 and 103 first",
        Say(before=head("102 Processing") + head("103 Early Hints", "Link: </x>")),
        RIGHT,
    ),
    ("1000 times 102 first", Say(before=head("102 Processing") * 1000), RIGHT),
    ("a flood of 100", for_ever(head("100 Continue") * 500), IN_FLOOD),
    ("a flood of 103", for_ever(head("103 Early Hints", "Link: </x>") * 500), IN_FLOOD),
    (
        "an interim head without end",
        for_ever(b"X: y\r\n" * 1000, first=b"HTTP/1.1 103 Hints\r\n"),
        IN_FLOOD,
    ),
    ("203", Say("203 Non-Authoritative Information"), RIGHT),
    (
        "transfer coding gzip",
        Say(fields=("Transfer-Encoding: gzip",), coded=gzip.compress, length=""),
        NOT_UNDONE,
    ),
    (
        "transfer coding gzip in chunks",
        raw(
            lambda it: (
                head("200 OK", "Transfer-Encoding: gzip, chunked") + wire.chunked(gzip.compress(it))
            )
        ),
        NOT_UNDONE,
    ),
    ("transfer coding identity", Say(fields=("Transfer-Encoding: identity",)), RIGHT),
    (
        "chunks",
        raw(lambda it: head("200 OK", "Transfer-Encoding: Chunked") + wire.chunked(it)),
        {"file": "Content-Length", "": RIGHT},
    ),
    (
        "chunks that are cut",
        raw(lambda it: head("200 OK", "Transfer-Encoding: chunked") + wire.chunked(it, end=b"")),
        {"file": "Content-Length", "": CUT},
    ),
    (
        "a chunk of no size",
        raw(lambda it: head("200 OK", "Transfer-Encoding: chunked") + b"zz\r\n" + it),
        {"file": "Content-Length", "": CUT},
    ),
    ("two lengths", Say(fields=("Content-Length: 5",)), "two lengths"),
    (
        "the same length twice",
        raw(lambda it: head("200 OK", *[f"Content-Length: {len(it)}"] * 2) + it),
        RIGHT,
    ),
    ("a length below 0", Say(length="Content-Length: -5"), {"file": "Content-Length", "": RIGHT}),
    ("no length", Say(length=""), {"file": "Content-Length", "": RIGHT}),
    (
        "no length, and cut",
        Say(length="", coded=lambda it: it[:10], end="reset"),
        {"file": "Content-Length", "": CUT},
    ),
    (
        "more promised",
        Say(length="Content-Length: 2000"),
        {"file": "Content-Length", "blob": "offers 2000", "": CUT},
    ),
    (
        "less than a length",
        Say(coded=lambda it: it[:-1]),
        {"file": "mismatch|offers", "blob": "offers", "": "JSON|token"},
    ),
    ("a head that is cut", raw(lambda it: b"HTTP/1.1 200 OK\r\nX-Y: z\r\n"), CUT),
    ("a status line that is cut", raw(lambda it: b"HTTP/1.1 20"), CUT),
    ("hangs up", wire.hang_up, CUT),
    ("resets", wire.reset, CUT),
    ("another protocol", raw(lambda it: b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), CUT),
    ("no protocol", raw(lambda it: it), CUT),
    ("says nothing", wire.silence, LATE),
    ("a head byte by byte", for_ever(b"x", first=b"HTTP/1.1 200 OK\r\nX: ", pause=0.05), LATE),
    (
        "an interim head byte by byte",
        for_ever(b"x", first=b"HTTP/1.1 103 Hints\r\nX: ", pause=0.05),
        LATE,
    ),
    (
        "a body byte by byte",
        for_ever(b" ", first=head("200 OK", "Content-Length: 1024"), pause=0.05),
        {"": LATE + "|JSON", "token": LATE, "manifest": LATE, "list": LATE, "upload": LATE},
    ),
    ("gzip", coded("gzip", gzip.compress), RIGHT),
    ("x-gzip", coded("X-GZIP", gzip.compress), RIGHT),
    (
        "gzip in two members",
        coded("gzip", lambda it: gzip.compress(it[:9]) + gzip.compress(it[9:])),
        RIGHT,
    ),
    (
        "gzip in chunks",
        raw(
            lambda it: (
                head("200 OK", "Content-Encoding: gzip", "Transfer-Encoding: chunked")
                + wire.chunked(gzip.compress(it))
            )
        ),
        RIGHT,
    ),
    ("deflate", coded("deflate", zlib.compress), RIGHT),
    ("deflate without its frame", coded("deflate", wire.raw_deflate), RIGHT),
    ("zstd", coded("zstd", wire.zstd), RIGHT),
    ("identity", coded("identity", bytes), RIGHT),
    ("gzip that is none", coded("gzip", bytes), RIGHT),
    ("zstd that is none", coded("zstd", bytes), RIGHT),
    ("br", coded("br", bytes), {"": NOT_UNDONE, "file": RIGHT, "blob": RIGHT}),
    ("gzip twice", coded("gzip, gzip", lambda it: gzip.compress(gzip.compress(it))), NOT_UNDONE),
    ("gzip that is cut", coded("gzip", lambda it: gzip.compress(it)[:-9]), CUT),
    ("zstd that is cut", coded("zstd", lambda it: wire.zstd(it)[:-3]), CUT),
    ("gzip that is damaged", coded("gzip", wire.damaged), "damaged"),
    (
        "a bomb of gzip",
        coded("gzip", lambda it: wire.bomb("gzip")),
        {"": TOO_LONG, "upload": "a JSON reply"},
    ),
    (
        "a bomb of zstd",
        coded("zstd", lambda it: wire.bomb("zstd")),
        {"": TOO_LONG, "upload": "a JSON reply"},
    ),
    ("a redirect to the same", Say("302 Found", ("Location: /again",)), NOWHERE),
    ("a redirect to nothing", Say("302 Found", ("Location:",)), NOWHERE),
    ("a redirect without an address", Say("302 Found"), NOWHERE),
    (
        "a redirect to no address",
        Say("307 Temporary Redirect", ("Location: http://[:]/b",)),
        NOWHERE + "|307",
    ),
    ("a redirect to a file", Say("301 Moved", ("Location: file:///etc/passwd",)), NOWHERE + "|301"),
    (
        "a web page",
        raw(
            lambda it: (
                head("200 OK", "Content-Type: text/html; charset=utf-8", "Content-Length: 15")
                + b"<html>log in</h"
            )
        ),
        {"": WEB_PAGE, "file": "mismatch|web page|offers", "blob": "web page|offers"},
    ),
    ("500 first", Once(Say("500 Internal Server Error")), {"": RIGHT, "upload": STATUS}),
    ("408 first", Once(Say("408 Request Timeout")), {"": RIGHT, "upload": STATUS}),
    ("429 first", Once(Say("429 Too Many", ("Retry-After: 0",))), {"": RIGHT, "upload": STATUS}),
    (
        "503 with a date that is long ago",
        Once(Say("503 Busy", ("Retry-After: Thu, 01 Jan 1970 00:00:00 GMT",))),
        {"": RIGHT, "upload": STATUS},
    ),
    (
        "503 with nonsense",
        Once(Say("503 Busy", ("Retry-After: \u0663 soon, 1e9",))),
        {"": RIGHT, "upload": STATUS},
    ),
    ("503 for a century", Say("503 Busy", ("Retry-After: 3153600000",)), STATUS + "|foo"),
    ("204", raw(lambda it: head("204 No Content")), STATUS + "|empty body|token"),
    (
        "206 of nothing asked",
        Say("206 Partial Content", ("Content-Range: bytes 0-9/99",)),
        {"": RIGHT, "file": STATUS, "blob": STATUS, "token": STATUS},
    ),
    ("a status of its own", Say("999 Odd"), STATUS + "|foo"),
    (
        "an error without end",
        for_ever(b" " * 65536, first=head("403 No", "Content-Length: 9999999999")),
        STATUS + "|token",
    ),
    (
        "an error that is a bomb",
        Say("403 No", ("Content-Encoding: gzip",), coded=lambda it: wire.bomb("gzip")),
        STATUS + "|token",
    ),
    ("an error of deep JSON", Say("403 No", coded=lambda it: b"[" * 60_000), STATUS + "|token"),
]


def options(seconds: float) -> ClientOptions:
    return ClientOptions(
        environment={},
        connect_timeout=seconds,
        read_timeout=seconds,
        retry_delays=(0, 0),
        sleep=lambda _: None,
    )


def ask_for_list(url: str, seconds: float) -> bytes:
    with open_source(SourceConfig(url), options(seconds)) as source:
        return json.dumps(source.list_images()).encode()


def ask_for_manifest(url: str, seconds: float) -> bytes:
    with open_source(SourceConfig(url), options(seconds)) as source:
        return json.dumps(source.get_image(UUID)).encode()


def ask_for_token(url: str, seconds: float) -> bytes:
    tokens = Tokens(url, options(seconds), insecure=True)
    return tokens.get(Grant(f"{url}/t", "s", ()), None).encode()


def fetch_file(url: str, seconds: float) -> bytes:
    sink = Collect()
    with make_session(options(seconds)) as session:
        get = streams.http_get(
            f"{url}/file",
            session=session,
            size=len(FILE),
            length_required=True,
            stall_timeout=seconds,
            delays=(0.0,),
        )
        streams.run(get, streams.checksum("sha1"), sink)
    return sink.content


def fetch_blob(url: str, seconds: float) -> bytes:
    sink = Collect()
    size = len(FILE)
    with make_session(options(seconds)) as session:
        file = streams.HttpFile(
            f"{url}/b", session, {}, (seconds, seconds), immutable=True, size=size
        )
        blob = BlobFile([file], options(seconds), None)
        get = streams.http_get_file(blob, size=size, delays=(0.0,))
        streams.run(get, streams.checksum("sha256"), sink)
    return sink.content


def upload(url: str, seconds: float) -> bytes:
    client = HttpClient(url, options(seconds), headers={})
    put = streams.http_put(
        f"{url}/up",
        session=client.session,
        stall_timeout=seconds,
        answer_timeout=2 * seconds,
        connect_timeout=seconds,
    )
    try:
        answer = streams.run(Supply([b"content"]), put).facts["answer"]
        reply = client.reply(answer.status, answer.content_type, answer.body)
        return json.dumps(reply.json()).encode()
    finally:
        client.close()


KINDS: dict[str, tuple[Callable[[str, float], bytes], bytes, bytes]] = {
    "list": (ask_for_list, LIST, json.dumps(json.loads(LIST)).encode()),
    "manifest": (ask_for_manifest, MANIFEST, json.dumps(json.loads(MANIFEST)).encode()),
    "token": (ask_for_token, TOKEN, b"abc"),
    "file": (fetch_file, FILE, FILE),
    "blob": (fetch_blob, FILE, FILE),
    "upload": (upload, MANIFEST, json.dumps(json.loads(MANIFEST)).encode()),
}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("behaviour", "outcome"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_right_content_or_a_typed_error(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    behaviour: Misbehaviour | Once,
    outcome: Any,
) -> None:
    monkeypatch.setattr(budget, "MAX_LIST_BYTES", 4 << 20)
    question, payload, answer = KINDS[kind]
    expected = outcome.get(kind, outcome.get("")) if isinstance(outcome, dict) else outcome
    answers = [behaviour.first, Say()] if isinstance(behaviour, Once) else [behaviour]

    def behave(connection: Connection, request: Request) -> None:
        got = request.begun
        while kind == "upload" and not got.endswith(b"0\r\n\r\n"):
            got += connection.socket.recv(65536)
        chosen = answers.pop(0) if len(answers) > 1 else answers[0]
        chosen(connection, request, payload)

    url = server.plan(behave).removesuffix("/file")
    if expected == RIGHT:
        assert question(url, 10) == answer
        return
    seconds = 0.2 if LATE in expected else 10
    with pytest.raises((ImgadmError, streams.StreamError), match=expected) as caught:
        question(url, seconds)
    assert str(caught.value).isprintable()
