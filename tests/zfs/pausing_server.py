"""An image server that pauses in the middle of every file, until it is told to go on.

    python -m tests.zfs.pausing_server SHELF COUNT GATE

serves the images of the folder SHELF as they are at the start, prints its URL, and after COUNT
bytes of a file waits until the file GATE is there: so an import can be met half way at any speed.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tests.e2e.imports.images import Image
from tests.e2e.imports.server import Behaviour, Request, Server


def load(manifest: Path) -> Image:
    (file,) = manifest.parent.glob(f"{manifest.stem}.zsend*")
    return Image(json.loads(manifest.read_bytes()), file.read_bytes())


def pausing(data: bytes, count: int, gate: Path) -> Behaviour:
    def behave(request: Request) -> None:
        request.answer(200, data[:count], Content_Length=str(len(data)))
        while not gate.exists():
            time.sleep(0.1)
        request.wfile.write(data[count:])

    return behave


def main(shelf: Path, count: int, gate: Path) -> None:
    images = [load(manifest) for manifest in shelf.glob("*.imgmanifest")]
    special: dict[str, Behaviour | list[Behaviour]] = {
        f"/images/{image.uuid}/file": pausing(image.data, count, gate) for image in images
    }
    with Server(images, special) as server:
        print(f"Serving at {server.url}", flush=True)
        while True:
            time.sleep(60)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
