"""What strangers send, at every place where Python reads it: a value, or the one error for it.

``IMGADM_EXAMPLES`` is how many inputs are tried at each; more are tried every night.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgadm import streams
from imgadm.base.errors import ImgadmError
from imgadm.base.urls import normalise_url
from imgadm.layers.archive.pax import parse_records
from imgadm.layers.archive.reader import Archive
from imgadm.layers.rules.errors import LayerError
from imgadm.layers.rules.limits import Limits
from imgadm.manifest import Manifest, find_violations, parse_manifest
from imgadm.manifest.upgrade import upgrade_manifest
from imgadm.registry.access.challenges import parse_challenges
from imgadm.registry.documents.descriptors import ManifestError
from imgadm.registry.documents.manifests import parse_document, read_manifest
from imgadm.registry.documents.schema1 import read_schema1
from imgadm.registry.references.media_types import INDEXES, MANIFESTS
from imgadm.registry.references.reference import parse_reference
from imgadm.streams.codecs.byte_source import ByteSource
from tests.unit.native.zstream_builder import StreamBuilder, golden_stream, package
from tests.unit.native.zstream_samples import verify
from tests.unit.streams.codecs.compressions import decompress

examples = settings(
    max_examples=int(os.environ.get("IMGADM_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

words = st.sampled_from(
    [
        *("v", "uuid", "type", "zvol", "files", "sha1", "size", "origin", "image_size", "tags"),
        *("requirements", "published_at", "mediaType", "schemaVersion", "manifests", "layers"),
        *("config", "digest", "platform", "urls", "annotations", "fsLayers", "history"),
        *("signatures", "protected", "2f1dc911-6401-4fa4-8e9d-67ea2e39c271", "sha256:" + "0" * 64),
        *sorted(MANIFESTS | INDEXES),
    ]
)
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | words | st.text()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(words | st.text(), inner, max_size=6)
    ),
    max_leaves=25,
)
documents = st.dictionaries(words, values, max_size=10)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """``whole`` with a few bytes changed, cut out, or put in."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.integers(0, 40)))
        content[at:end] = draw(st.binary(max_size=40) | st.just(bytes(end - at)))
    return bytes(content)


def outcome(action: Callable[[], object], *errors: type[Exception]) -> str | None:
    """What is said of the input, if it is refused; no other error is raised."""
    try:
        action()
    except errors as error:
        said = str(error)
        assert said
        return said
    return None


@examples
@given(documents.map(lambda document: json.dumps(document).encode()) | st.binary(max_size=200))
def test_manifests(body: bytes) -> None:
    def read() -> None:
        manifest = upgrade_manifest(parse_manifest(body))
        list(find_violations(manifest, "public"))
        Manifest.of(manifest)

    outcome(read, ImgadmError)


@examples
@given(documents, st.sampled_from(sorted(MANIFESTS | INDEXES)) | st.text(max_size=30))
def test_documents_of_registries(document: dict[str, Any], content_type: str) -> None:
    body = json.dumps(document).encode()

    def read() -> None:
        parsed = parse_document(body, content_type)
        outcome(lambda: read_schema1(parsed, body), ManifestError)
        read_manifest(parsed, content_type)

    outcome(read, ManifestError)


PARTS_OF_NAMES = [
    *("a", "host", ":", "/", "@", "sha256:", "0" * 64, ".", "[", "]", "::1", "https://", "user"),
    *("5000", "-", "_", "A", "\x1b", " "),
]


@examples
@given(st.text(max_size=80) | st.lists(st.sampled_from(PARTS_OF_NAMES), max_size=14).map("".join))
def test_names_of_images_and_sources(text: str) -> None:
    outcome(lambda: parse_reference(text), ImgadmError)
    outcome(lambda: normalise_url(text), ImgadmError)
    outcome(lambda: normalise_url("https://" + text), ImgadmError)


@examples
@given(
    st.text(max_size=120)
    | st.lists(
        st.sampled_from(
            ["Bearer", "Basic", " ", ",", "=", '"', "\\", "realm", "https://a/t", "scope"]
        ),
        max_size=20,
    ).map("".join)
)
def test_challenges(header: str) -> None:
    for challenge in parse_challenges(header):
        assert challenge.scheme == challenge.scheme.lower()


def archive_of(form: int) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for name in ("a/b", "n" * 150, "long/" * 40 + "end", "ä"):
            entry = tarfile.TarInfo(name)
            entry.size, entry.uid, entry.mtime = 700, 3_000_000, 1.5
            archive.addfile(entry, io.BytesIO(b"x" * 700))
    return made.getvalue()


ARCHIVES = [archive_of(tarfile.GNU_FORMAT), archive_of(tarfile.PAX_FORMAT)]


@examples
@given(st.sampled_from(ARCHIVES).flatmap(damaged), st.integers(1, 5000))
def test_archives(content: bytes, piece: int) -> None:
    def read() -> None:
        views = (memoryview(content)[at : at + piece] for at in range(0, len(content), piece))
        archive = Archive(ByteSource(views), Limits())
        for _ in archive.entries():
            for _piece in archive.data():
                pass

    outcome(read, LayerError)


@examples
@given(st.binary(max_size=200) | damaged(b"20 path=some/a/name\n12 size=1234\n"))
def test_records_of_archives(content: bytes) -> None:
    outcome(lambda: parse_records(content), LayerError)


FILES = {
    "gzip": gzip.compress(b"content " * 400) * 3,
    "bzip2": bz2.compress(b"content " * 400) * 2,
    "xz": lzma.compress(b"content " * 400) * 2,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress(b"ab" * 4000) * 2,
}


@pytest.mark.parametrize("name", FILES)
@settings(examples, max_examples=max(20, examples.max_examples // 3))
@given(data=st.data())
def test_compressed_files(name: str, data: st.DataObject) -> None:
    content = data.draw(damaged(FILES[name]))
    outcome(lambda: decompress(content, name, 1000), streams.DecompressionError)


STREAMS = [
    bytes(golden_stream()),
    bytes(golden_stream(">")),
    package(golden_stream()),
    bytes(StreamBuilder(record_checksums=False).begin(kind=2).object(1, 19, 512).end()),
]


@examples
@given(st.sampled_from(STREAMS).flatmap(damaged))
def test_zfs_streams(stream: bytes) -> None:
    outcome(lambda: verify(stream), ValueError)
