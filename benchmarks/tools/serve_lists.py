"""A program: serves lists of images from memory, prints its URL, ends with its input.

    serve_lists.py COUNT

``/one``, ``/two`` and ``/tagged`` are image servers of COUNT images each, all of them different;
the last gives its list an entity tag. To a request for the page after an image there is that image
alone, as from a server that has sent everything on the first page.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

# Last, so that it is the installed imgadm that is measured.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks.subjects.many_images import manifests


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lists: dict[str, tuple[bytes, bytes]]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        name = parts.path.removesuffix("/images").strip("/")
        body = self.lists[name]["marker=" in parts.query]
        etag = f'"{name}-{len(body)}"' if name == "tagged" else ""
        known = etag and self.headers.get("If-None-Match") == etag
        self.send_response(304 if known else 200)
        if etag:
            self.send_header("ETag", etag)
        if not known:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not known:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _lists(count: int) -> dict[str, tuple[bytes, bytes]]:
    """The bodies of the first and of the last page, by server."""
    found = {}
    for number, name in enumerate(("one", "two", "tagged")):
        images = manifests(count, first=number * count)
        found[name] = (json.dumps(images).encode(), json.dumps(images[-1:]).encode())
    return found


if __name__ == "__main__":
    Handler.lists = _lists(int(sys.argv[1]))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        sys.stdin.read()
        server.shutdown()
