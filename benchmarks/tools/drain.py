"""A program: one import into a draining process, as an operator's own script would compose it.

Arguments: URL, compression, SHA-1 of the file, its size in bytes.
"""

from __future__ import annotations

import sys

from imgadm import streams


def drain(url: str, compression: str, sha1: str, size: int) -> streams.Report:
    """Fetch, check and decompress ``url`` into a process that throws the bytes away."""
    return streams.run(
        streams.http_get(url, size=size),
        streams.checksum("sha1", expected=sha1, size=size),
        streams.decompress(compression),
        streams.into_process(["cat"], copies_input=True),  # as is zfs receive
    )


if __name__ == "__main__":
    drain(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
