"""A program: serves a folder of images on loopback, prints its URL, ends with its input."""

from __future__ import annotations

import sys
from pathlib import Path

from imgadm.serve import FolderCatalogue, ImageServer

if __name__ == "__main__":
    with ImageServer(FolderCatalogue(Path(sys.argv[1])), port=0) as server:
        print(server.url, flush=True)
        sys.stdin.read()
