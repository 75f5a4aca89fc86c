"""What programs read of an import: JSON events, JSON errors, and lines that stay as they are."""

from __future__ import annotations

import json

from imgadm.cli.output.transfer_events import event_name
from imgadm.operations.events import event, importing, publishing
from tests.python_path import TREE

from .conftest import Serve
from .host import Host
from .images import Image, chain_of_three, small_image
from .server import cut_after, html, serve_bytes

GOOD = small_image()
FILE = f"/images/{GOOD.uuid}/file"


def identity(image: Image) -> dict[str, object]:
    return {field: image.manifest[field] for field in ("uuid", "name", "version")}


def test_events_of_a_chain(host: Host, serve: Serve) -> None:
    base, child, _ = chain_of_three()
    server = serve(base, child)
    done = host.run("import", "--json", "-S", server.url, child.uuid)
    assert (done.status, done.stderr) == (0, "")
    events = [event for event in done.events if event["event"] != "transferring"]
    assert events[:3] == [
        {"event": "import-begins", **identity(child), "url": server.url, "channel": None},
        {"event": "ancestry-wanted", "uuid": child.uuid},
        {"event": "transfer-planned", "count": 2, "size": len(base.data) + len(child.data)},
    ]
    kinds = ["file-verified", "image-installed"]
    assert [(event["event"], event["uuid"]) for event in events[3:]] == [
        (kind, image.uuid) for image in (base, child) for kind in kinds
    ]
    report = events[-1]
    assert report["bytes_in"] == report["total"] == len(child.data)
    assert report["bottleneck"] in [stage["name"] for stage in report["stages"]]
    assert report["notes"] == []


def test_progress_is_an_event_too(host: Host, serve: Serve) -> None:
    done = host.run("import", "--json", "-S", serve(GOOD).url, GOOD.uuid)
    progress = [event for event in done.events if event["event"] == "transferring"]
    assert progress
    assert all(event["uuid"] == GOOD.uuid for event in progress)
    assert all(0 <= event["bytes_in"] <= event["total"] for event in progress)


def test_error_is_the_last_event(host: Host, serve: Serve) -> None:
    server = serve(GOOD, special={FILE: html(500)})
    done = host.run("import", "--json", "-S", server.url, GOOD.uuid)
    code, message = done.error()
    assert done.status == 1
    assert [event["event"] for event in done.events[-2:]] == ["aborting", "error"]
    assert done.events[-1] == {"event": "error", "code": code, "message": message}


def test_error_before_anything_happens_is_an_event(host: Host) -> None:
    done = host.run("import", "--json", "-S", "http://127.0.0.1:1", GOOD.uuid)
    assert [event["event"] for event in done.events] == ["error"]
    assert done.events[0]["code"] == "ECONNREFUSED"


def test_installed_already_is_an_event(host: Host, serve: Serve) -> None:
    server = serve(GOOD)
    assert host.run("import", "-S", server.url, GOOD.uuid).status == 0
    done = host.run("import", "--json", "-S", server.url, GOOD.uuid)
    assert done.events == [{"event": "already-installed", **identity(GOOD)}]


def test_resumption_is_in_the_events(host: Host, serve: Serve) -> None:
    cut = cut_after(len(GOOD.data) - 100, GOOD.data)
    server = serve(GOOD, special={FILE: [cut, serve_bytes(GOOD.data)]})
    done = host.run("import", "--json", "-S", server.url, GOOD.uuid)
    assert (done.status, done.stderr) == (0, "")
    assert done.events[-1]["notes"] == ["the connection was lost and resumed once"]


def test_structured_error_is_the_last_line_of_stderr(host: Host, serve: Serve) -> None:
    server = serve(GOOD.promising(sha1="0" * 40))
    done = host.run("-E", "import", "-S", server.url, GOOD.uuid)
    assert done.status == 1
    record = json.loads(done.stderr.splitlines()[-1])
    assert record["err"]["code"] == "DownloadError"
    assert record["err"]["message"].startswith(f"image {GOOD.uuid} file checksum (sha1) error: ")
    assert "imgadm import: error" not in done.stderr


def test_every_event_is_documented() -> None:
    page = (TREE / "docs" / "reference" / "events.md").read_text()
    table = page.partition("\n## ")[0]
    documented = {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}
    modules = {event.__name__, importing.__name__, publishing.__name__}
    kinds = [kind for kind in event.Event.__subclasses__() if kind.__module__ in modules]
    assert documented == {event_name(kind) for kind in kinds} | {"error"}


def test_quiet_says_the_same_lines_to_scripts(host: Host, serve: Serve) -> None:
    server = serve(GOOD)
    plain = host.run("import", "-S", server.url, GOOD.uuid)
    host.run("delete", GOOD.uuid)
    quiet = host.run("import", "-q", "-S", server.url, GOOD.uuid)
    assert quiet.stdout == plain.stdout
    assert (quiet.stderr, plain.stderr) == ("", "")


def test_failure_is_announced_on_stdout_as_ever(host: Host, serve: Serve) -> None:
    done = host.run("import", "-S", serve(GOOD.promising(sha1="0" * 40)).url, GOOD.uuid)
    assert done.lines[-1] == f"Aborting ({done.error()[1]})"
