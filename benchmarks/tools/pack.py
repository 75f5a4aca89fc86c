"""A program: one creation of an image file from a stream, as ``imgadm create`` composes it.

Arguments: the stream, the compression, the file.
"""

from __future__ import annotations

import sys
from pathlib import Path

from imgadm import streams


def pack(source: Path, compression: str, target: Path) -> streams.Report:
    """Compress ``source`` into ``target``, hashing what is written."""
    return streams.run(
        streams.read_file(source),
        streams.compress(compression),
        streams.checksum("sha1"),
        streams.write_file(target, durable=False),
    )


if __name__ == "__main__":
    pack(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
