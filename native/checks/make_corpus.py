"""Write the seeds of the fuzz targets: ``python -m native.checks.make_corpus``.

ZFS send streams, in both byte orders, that have every record and every packing of a block, and a
package; payloads of each codec; bzip2 files of one, two and no blocks;
contents that sort badly.
"""

from __future__ import annotations

import bz2
import random
import zlib
from pathlib import Path

from tests.unit.native.zstream_builder import (
    ALL,
    GUID,
    StreamBuilder,
    golden_stream,
    lz4,
    lzjb,
    package,
    padded,
    volume_stream,
    zle,
    zstd_payload,
)

BLOCK = (b"text" * 64 + b"a" * 300).ljust(1024, b"\0")
PAYLOADS = {3: lzjb(BLOCK), 5: zlib.compress(BLOCK), 14: zle(BLOCK), 15: lz4(BLOCK)}
PAYLOADS[16] = zstd_payload(b"not a real frame")


def packed_blocks(builder: StreamBuilder) -> None:
    for at, (number, payload) in enumerate(PAYLOADS.items(), start=1):
        builder.write(at * 1024, padded(payload, 8), compression=number, length=1024)
    builder.embedded(8192, b"inline", length=1024, logical=6, compression=2)
    builder.embedded(9216, lz4(b"z" * 400), length=1024, logical=400, compression=15)
    builder.by_ref(10240, 1024, 0)


def changes(builder: StreamBuilder) -> None:
    builder.free(1, 48 << 10, ALL).free(1, 1024, 4096)
    builder.write(8192, BLOCK).write(16384, bytes(1024)).free(1, 20480, 1024)


def file_system(order: str) -> StreamBuilder:
    builder = StreamBuilder(order).begin(kind=2, features=4).free_objects(0, 1)
    builder.object(1, 21, 512, bonus=b"b" * 8, bonus_type=44, flags=4).write(0, BLOCK[:512])
    builder.record("SPILL", (8, "Q", 1), (16, "Q", 512), (24, "Q", GUID), payload=bytes(512))
    builder.object(2, 19, 512, slots=1).write(0, BLOCK[:512], number=2, kind=19)
    builder.by_ref(512, 512, 0, number=1)
    builder.record("OBJECT_RANGE", (8, "Q", 32), (16, "Q", 32), (24, "Q", GUID))
    return builder.end()


def odd_streams(order: str) -> dict[str, StreamBuilder]:
    """What is refused, each for another reason, so that the fuzzer has been at every check."""
    full = StreamBuilder(order).begin(features=0x80000).object(1, 23, 1 << 20)
    large = full.write(0, zle(bytes(1 << 20)) + bytes(5), compression=14, length=1 << 20)
    grouped = StreamBuilder(order).begin().free_objects(0, 1).object(1, 23, 512).free(1, 512, ALL)
    grouped.object(2, 24, 512).free(2, 512, ALL).free_objects(3, 29).write(0, BLOCK[:512])
    grouped.write(0, grouped.properties(1024), number=2, kind=24).free_objects(32, 1 << 40)
    redacted = StreamBuilder(order).begin(kind=2, features=0x200000).object(1, 19, 512)
    redacted.record("REDACT", (8, "Q", 1), (16, "Q", 512), (24, "Q", 512), (32, "Q", GUID))
    freed = StreamBuilder(order).begin(from_guid=5).free_objects(1, 2).object(1, 23, 512)
    return {
        "large-block": large.volume_end(1 << 20),
        "grouped": grouped.end(),
        "redacted": redacted.end(),
        "resuming": StreamBuilder(order).begin(features=0x100000, payload=b"nvl " * 20).end(),
        "freed-objects": freed.volume_end(512),
        "unsummed": volume_stream(
            {0: BLOCK}, size=2048, block_size=1024, order=order, record_checksums=False
        ),
    }


def bzip2_files() -> dict[str, bytes]:
    text = b"".join(b"line %d of a text that repeats itself\n" % i for i in range(600))
    return {
        "text-1": bz2.compress(text, 1),
        "text-9": bz2.compress(text, 9),
        "empty": bz2.compress(b""),
        "two-streams": bz2.compress(b"a" * 300_000, 1) + bz2.compress(b"b", 9) + b"tail",
        "all-bytes": bz2.compress(bytes(range(256)) * 8, 5),
    }


def bzip2_contents() -> dict[str, bytes]:
    """What to compress, behind the byte that says how."""
    return {
        "runs": b"\x01" + b"".join(bytes([byte]) * byte for byte in range(1, 256, 5)),
        "periods": b"\xf0abracadabra",
        "zeros": b"\x30" + bytes(259),
        "noise": b"\x02" + random.Random(1).randbytes(700),  # noqa: S311  not for secrets
        "waves": b"\x10" + bytes(range(256)) + bytes(range(255, -1, -1)),
    }


def main() -> None:
    corpus = Path(__file__).parent / "corpus"
    for folder in ("zstream", "codecs", "bzip2", "bzip2_encoder"):
        (corpus / folder).mkdir(parents=True, exist_ok=True)
    for order, suffix in (("<", "little"), (">", "big")):
        streams = {
            "golden": golden_stream(order),
            "packed": volume_stream(
                {0: BLOCK}, size=16384, block_size=1024, add=packed_blocks, order=order, features=3
            ),
            "changes": volume_stream(
                {}, size=32768, block_size=1024, add=changes, order=order, from_guid=5
            ),
            "file-system": file_system(order),
            "package": package(golden_stream(order), order=order),
            "two-in-a-package": package(golden_stream(order), golden_stream(order), order=order),
            "trailing": bytes(golden_stream(order)) + b"more",
            **odd_streams(order),
        }
        for name, stream in streams.items():
            (corpus / "zstream" / f"{name}-{suffix}").write_bytes(bytes(stream))
    for number, payload in PAYLOADS.items():
        seed = bytes([number]) + len(BLOCK).to_bytes(2, "big") + payload
        (corpus / "codecs" / f"compression-{number}").write_bytes(seed)
    for name, content in bzip2_files().items():
        (corpus / "bzip2" / name).write_bytes(content)
    for name, content in bzip2_contents().items():
        (corpus / "bzip2_encoder" / name).write_bytes(content)


if __name__ == "__main__":
    main()
