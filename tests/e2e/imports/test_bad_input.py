"""What an operator gets for each kind of bad input: one clear line, and a host as it was."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from dataclasses import dataclass

import pytest

from .conftest import Serve
from .host import Host, sha256
from .images import COMPRESS, Image, disk_sha256, sample, small_image
from .server import (
    Behaviour,
    Request,
    as_json,
    cut_after,
    drop,
    html,
    redirect,
    serve_bytes,
)

GOOD = small_image()
MANIFEST = f"/images/{GOOD.uuid}"
FILE = f"{MANIFEST}/file"
STREAM = sample("zvol-embedded")
OTHER_UUID = "11111111-2222-4333-8444-555555555555"


@dataclass(frozen=True)
class Case:
    """What is served, and the code and words that the error line must have.

    ``U`` in ``words`` is the UUID of the image.
    """

    name: str
    code: str
    words: list[str]
    image: Image = GOOD
    special: dict[str, Behaviour] | None = None


def flipped(data: bytes, at: int) -> bytes:
    """The data with one bit the other way round."""
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


def unpacked(stream: bytes) -> Image:
    """The image, of this stream uncompressed; its manifest is right about the file."""
    return small_image().of_bytes(stream, compression="none")


def zeros(count: int) -> bytes:
    return bytes(count)


def without_sha1(image: Image) -> Image:
    facts = {name: fact for name, fact in image.manifest["files"][0].items() if name != "sha1"}
    return image.having(files=[facts])


def with_md5(digest: str) -> Behaviour:
    return lambda request: request.answer(200, GOOD.data, Content_MD5=digest)


WITHOUT_SHA1 = without_sha1(GOOD)
MD5 = b64encode(hashlib.md5(GOOD.data).digest()).decode()
OTHER_MD5 = b64encode(bytes(16)).decode()

SOURCE = [
    Case("unknown image", "ActiveImageNotFound", ['"U" was not found'],
         special={MANIFEST: as_json({"code": "ResourceNotFound", "message": "no"}, 404)}),
    Case("not active", "ActiveImageNotFound", ['"U" was not found'],
         image=GOOD.having(state="disabled")),
    Case("manifest: 500 with words", "Oops", ["the server is sad"],
         special={MANIFEST: as_json({"code": "Oops", "message": "the server is sad"}, 500)}),
    Case("manifest: 500 in HTML", "InternalError", ["500"], special={MANIFEST: html(500)}),
    Case("manifest: HTML", "InternalError", ["html"], special={MANIFEST: html(200)}),
    Case("manifest: connection dropped", "ECONNRESET", [], special={MANIFEST: drop}),
    Case("manifest: redirect to nowhere", "ECONNREFUSED", [],
         special={MANIFEST: redirect("http://127.0.0.1:1/x")}),
    Case("manifest: redirect to a file", "InternalError", ["redirect"],
         special={MANIFEST: redirect("file:///etc/passwd")}),
    Case("manifest: redirect loop", "InternalError", ["redirects"],
         special={MANIFEST: redirect(MANIFEST)}),
    Case("file: 404 with words", "ResourceNotFound", ["the file is gone"],
         special={FILE: as_json({"code": "ResourceNotFound", "message": "the file is gone"}, 404)}),
    Case("file: 404 in HTML", "DownloadError", ["/file answered 404"], special={FILE: html(404)}),
    Case("file: 500 in HTML", "DownloadError", ["/file answered 500"], special={FILE: html(500)}),
    Case("file: HTML", "DownloadError", ["a web page (text/html)"],
         special={FILE: html(200)}),
    Case("file: redirect to nowhere", "ECONNREFUSED", ["Connection refused"],
         special={FILE: redirect("http://127.0.0.1:1/x")}),
    Case("file: redirect loop", "DownloadError", ["redirects"], special={FILE: redirect(FILE)}),
    Case("file: longer than the manifest says", "DownloadError",
         [f"expected size, {len(GOOD.data)}", f"Content-Length header, {len(GOOD.data) + 1}"],
         special={FILE: serve_bytes(GOOD.data + b"\0")}),
    Case("file: shorter than the manifest says", "DownloadError",
         [f"Content-Length header, {len(GOOD.data) - 1}"],
         special={FILE: serve_bytes(GOOD.data[:-1])}),
    Case("file: always cut", "DownloadError",
         ["image U file size error", f"expected {len(GOOD.data)} bytes", "downloaded 100 bytes"],
         special={FILE: cut_after(100, GOOD.data)}),
]  # fmt: skip

CONTENT = [
    Case("wrong SHA-1", "DownloadError",
         ["image U file checksum (sha1) error", f'expected "{"0" * 40}"', "was"],
         image=GOOD.promising(sha1="0" * 40)),
    Case("no SHA-1, and no Content-MD5", "DownloadError",
         ['image U has no "sha1"', "no Content-MD5", "--unverified"], image=WITHOUT_SHA1),
    Case("no SHA-1, and another Content-MD5", "DownloadError",
         ["image U file Content-MD5 error", f'expected "{OTHER_MD5}"'],
         image=WITHOUT_SHA1, special={FILE: with_md5(OTHER_MD5)}),
    Case("no SHA-1, and a Content-MD5 that is none", "DownloadError",
         ["image U file Content-MD5 error", 'expected "x"'],
         image=WITHOUT_SHA1, special={FILE: with_md5("x")}),
    Case("flipped bit in the file", "DownloadError", ["image U file checksum (sha1) error"],
         special={FILE: serve_bytes(flipped(GOOD.data, 5000))}),
    Case("flipped bit in the file, right SHA-1", "UncompressionError", ["gzip", "image U"],
         image=GOOD.of_bytes(flipped(GOOD.data, 5000))),
    Case("flipped bit in a record", "InvalidStream", ["stream of image U", "checksum"],
         image=unpacked(flipped(STREAM, 20000))),
    Case("flipped bit in BEGIN", "InvalidStream", ["stream of image U"],
         image=unpacked(flipped(STREAM, 60))),
    Case("flipped bit in END", "InvalidStream", ["stream of image U", "checksum"],
         image=unpacked(flipped(STREAM, -150))),
    Case("truncated stream", "InvalidStream", ["stream of image U", "ends"],
         image=unpacked(STREAM[:-1000])),
    Case("bytes behind the stream", "InvalidStream", ["stream of image U", "END"],
         image=unpacked(STREAM + b"more")),
    Case("zeros behind the stream", "InvalidStream", ["stream of image U", "END"],
         image=unpacked(STREAM + zeros(4096))),
    Case("two streams", "InvalidStream", ["stream of image U", "END"],
         image=unpacked(STREAM + STREAM)),
    Case("truncated gzip", "UncompressionError", ["gzip", "image U"],
         image=GOOD.of_bytes(GOOD.data[:-1000])),
    Case("empty file", "UncompressionError", ["the file is empty", "image U"],
         image=GOOD.of_bytes(b"")),
    Case("zeros", "InvalidStream", ["stream of image U"],
         image=unpacked(zeros(100000))),
    Case("text", "InvalidStream", ["stream of image U"],
         image=unpacked(b"hello world\n" * 1000)),
    Case("cut package", "InvalidStream", ["stream of image U", "stream ends"],
         image=unpacked(sample("zvol-full-props")[:-312])),
    Case("replication stream", "InvalidStream", ["stream of image U", "compound"],
         image=unpacked(sample("zvol-replication-compound"))),
    Case("file system as a zvol", "InvalidStream", ["stream of image U", "file system"],
         image=unpacked(sample("fs-full"))),
    Case("incremental without an origin", "InvalidStream", ["stream of image U", "incremental"],
         image=unpacked(sample("zvol-incr"))),
]  # fmt: skip

WRONG_COMPRESSION = [
    Case(f"{named} named for {packed}", "UncompressionError",
         [named.replace("none", ": expected uncompressed data"), packed.replace("none", "")],
         image=small_image().of_bytes(COMPRESS[packed](STREAM), compression=named))
    for named in COMPRESS for packed in COMPRESS if named != packed
]  # fmt: skip

BAD_MANIFEST = [
    Case("not JSON", "InternalError", ["a JSON reply was expected", "nonsense"],
         special={MANIFEST: as_json(b"{nonsense")}),
    Case("a list", "InternalError", ["manifest was expected"], special={MANIFEST: as_json([1])}),
    Case("empty", "InternalError", [], special={MANIFEST: as_json(b"")}),
    Case("another image's", "InternalError", [OTHER_UUID], image=GOOD,
         special={MANIFEST: as_json({**GOOD.manifest, "uuid": OTHER_UUID})}),
    Case("deep", "InternalError", [], special={MANIFEST: as_json(b"[" * 100000)}),
    Case("huge", "InternalError", ["longer than"],
         special={MANIFEST: as_json({**GOOD.manifest, "description": "x" * (20 << 20)})}),
    Case("huge number", "InternalError", ["a JSON reply was expected"],
         special={MANIFEST: as_json(json.dumps(GOOD.manifest).replace(
             f'"size": {len(GOOD.data)}', '"size": 1e400').encode())}),
    *(Case(f"no {field}", "InvalidManifest", [f'"{field}"'],
           special={MANIFEST: as_json({k: v for k, v in GOOD.manifest.items() if k != field})})
      for field in ("name", "version")),
    Case("no files", "InvalidManifest", ["image U", "no file"], image=GOOD.having(files=[])),
    Case("files of the wrong kind", "InvalidManifest", ["files"], image=GOOD.having(files="x")),
    Case("unknown compression", "InvalidManifest", ["compression", "lzma", "zstd"],
         image=GOOD.promising(compression="lzma")),
    Case("shell in compression", "InvalidManifest", ["compression"],
         image=GOOD.promising(compression="gzip; rm -rf /")),
    Case("sha1 of the wrong length", "InvalidManifest", ["sha1"],
         image=GOOD.promising(sha1="abc")),
    Case("negative size", "InvalidManifest", ["size"], image=GOOD.promising(size=-1)),
    Case("size as text", "InvalidManifest", ["size"], image=GOOD.promising(size="big")),
    Case("newline in name", "InvalidManifest", ["name"],
         image=GOOD.having(name="a\nImported image")),
    Case("escape in name", "InvalidManifest", ["name"], image=GOOD.having(name="\x1b[2Jx")),
    Case("long name", "InvalidManifest", ["name"], image=GOOD.having(name="x" * 100000)),
    Case("path as origin", "InvalidManifest", ["origin"],
         image=GOOD.having(origin="../../../etc")),
    Case("list as origin", "InvalidManifest", ["origin"], image=GOOD.having(origin=[])),
    Case("its own origin", "InvalidManifest", ["loop"], image=GOOD.having(origin=GOOD.uuid)),
    Case("origin that the source lacks", "OriginNotFoundInSource", [OTHER_UUID, "http://127"],
         image=GOOD.having(origin=OTHER_UUID)),
]  # fmt: skip


@pytest.mark.parametrize(
    "case", [*SOURCE, *CONTENT, *WRONG_COMPRESSION, *BAD_MANIFEST], ids=lambda case: case.name
)
def test_bad_input_gets_one_line_and_leaves_nothing(case: Case, host: Host, serve: Serve) -> None:
    server = serve(case.image, special=dict(case.special or {}))
    done = host.run("import", "-S", server.url, GOOD.uuid)
    code, message = done.error()
    assert (done.status, code) == (1, case.code), done
    for word in case.words:
        assert word.replace("U", GOOD.uuid) in message, done
    host.assert_tidy()
    assert_good_import_succeeds(host, serve)


def assert_good_import_succeeds(host: Host, serve: Serve) -> None:
    done = host.run("import", "-S", serve(GOOD).url, GOOD.uuid)
    assert (done.status, done.stderr) == (0, "")
    assert sha256(host.disk(GOOD.uuid)) == disk_sha256("zvol-embedded")
    host.assert_tidy(GOOD.uuid)


def test_the_checksum_of_the_server_is_enough(host: Host, serve: Serve) -> None:
    server = serve(WITHOUT_SHA1, special={FILE: with_md5(MD5)})
    assert host.run("import", "-S", server.url, GOOD.uuid).status == 0
    host.assert_tidy(GOOD.uuid)


def test_the_checksum_of_the_manifest_goes_before_that_of_the_server(
    host: Host, serve: Serve
) -> None:
    server = serve(GOOD, special={FILE: with_md5(OTHER_MD5)})
    assert host.run("import", "-S", server.url, GOOD.uuid).status == 0
    host.assert_tidy(GOOD.uuid)


@pytest.mark.parametrize(("image", "wish"), [(GOOD, "md5=0"), (WITHOUT_SHA1, None)])
def test_a_server_is_told_that_nobody_needs_its_checksum(
    host: Host, serve: Serve, image: Image, wish: str | None
) -> None:
    wishes = []

    def answer(request: Request) -> None:
        wishes.append(request.headers.get("Want-Repr-Digest"))
        with_md5(MD5)(request)

    server = serve(image, special={FILE: answer})
    assert host.run("import", "-S", server.url, GOOD.uuid).status == 0
    assert wishes == [wish]


def test_a_file_without_a_checksum_if_the_operator_says_so(host: Host, serve: Serve) -> None:
    server = serve(WITHOUT_SHA1)
    assert host.run("import", "--unverified", "-S", server.url, GOOD.uuid).status == 0
    host.assert_tidy(GOOD.uuid)


def test_unverified_excuses_no_checksum_that_is_there(host: Host, serve: Serve) -> None:
    server = serve(WITHOUT_SHA1, special={FILE: with_md5(OTHER_MD5)})
    done = host.run("import", "--unverified", "-S", server.url, GOOD.uuid)
    assert (done.status, done.error()[0]) == (1, "DownloadError")
    host.assert_tidy()
