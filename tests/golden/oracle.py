"""A program that does what the record of a case says: it shows that the harness can be passed.

    python -m tests.golden.oracle CASE URLS [ARGUMENTS…]

It makes the recorded requests and calls, complains on stderr where an answer is not the recorded
one, then changes files and prints as recorded. URLS is a JSON file, the URL of every source by
placeholder.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from . import cases, fixtures
from .placeholders import Placeholders

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def main(name: str, urls: str) -> None:
    case = cases.find(name)
    root = Path(os.environ["IMGADM_ROOT"]).parents[1]
    url_of = json.loads(Path(urls).read_text()).__getitem__
    placeholders = Placeholders(url_of, str(Path.cwd()), str(root), "")
    for request in case.http:
        send(request, placeholders.fill(request["source"]) + request["url"])
    for call in case.calls:
        repeat(placeholders.fill(call))
    if case.recorded.editor_text:
        edit(placeholders.fill(case.recorded.editor_text))
    for (what, path), content in case.recorded.state.items():
        if not what.startswith(("datasets", "server")):
            # One that begins with a placeholder is absolute already, and stays so.
            change(root / placeholders.fill(path.lstrip("/")), placeholders.fill(content))
    printed = case.recorded.stdout or case.recorded.terminal.replace("\r\n", "\n")
    sys.stdout.write(placeholders.fill(printed))
    sys.stderr.write(placeholders.fill(case.recorded.stderr))
    sys.stdout.flush()
    if case.recorded.exit.startswith("SIG"):
        os.kill(os.getpid(), signal.Signals[case.recorded.exit])
    sys.exit(int(case.recorded.exit))


def send(recorded: dict[str, Any], url: str) -> None:
    request = urllib.request.Request(
        url, body_of(recorded), {"Accept": recorded["accept"]}, method=recorded["method"]
    )
    opener = urllib.request.build_opener(NoRedirects)
    try:
        with opener.open(request) as reply:
            status = reply.status
            reply.read()
    except urllib.error.HTTPError as error:
        status = error.code
    if recorded.get("status", status) != status:
        complain(f"{url}: {status}, recorded was {recorded['status']}")


def body_of(recorded: dict[str, Any]) -> bytes | None:
    """What was published: the manifest, the file, or the empty object that activates."""
    if recorded["method"] == "POST":
        return Path("m.json").read_bytes() if "action=import" in recorded["url"] else b"{}"
    return Path("i").read_bytes() if recorded["method"] == "PUT" else None


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def repeat(call: dict[str, Any]) -> None:
    done = subprocess.run(call["cmd"], input=stdin_of(call), capture_output=True, check=False)
    recorded = (call["exit"], call.get("stderr", ""))
    got = (done.returncode, done.stderr.decode())
    if got != recorded:
        complain(f"{call['cmd']}: {got}, recorded was {recorded}")


def stdin_of(call: dict[str, Any]) -> bytes:
    """What this call received: the stream of the image, as far as it came, or a file as it was."""
    if "stdin" in call:
        return json.dumps(call["stdin"]).encode()
    if "stdin_bytes" not in call:
        return b""
    file = Path("i")
    if file.exists() and file.stat().st_size == call["stdin_bytes"]:
        return file.read_bytes()
    (uuid,) = UUID.findall(call["cmd"][-1])
    return fixtures.images()[uuid].stream[: call["stdin_bytes"]]


def edit(text: str) -> None:
    file = Path(os.environ["TMPDIR"]) / "sources"
    file.write_text(text)
    subprocess.run(["vi", file], check=False)
    file.unlink()


def change(path: Path, content: Any) -> None:
    if content == "":
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content)
    else:
        images = [image for image in fixtures.images().values() if image.file]
        known = [data for image in images for data in (image.file, image.stream)]
        path.write_bytes(next(one for one in known if len(one) == content["size"]))


def complain(text: str) -> None:
    sys.stderr.write(f"unlike the record: {text}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
