"""Images that share layers, several imports at once, and imports that are ended half way."""

from __future__ import annotations

import hashlib
import json
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.imports.host import Host, wait_until
from tests.stands.registry.layouts import Layout
from tests.stands.registry.server import Registry
from tests.unit.layers.layer_builder import archive, directory, file

from .conftest import configure
from .unpacked import root_of

BASE = [archive(directory("etc/"), file("etc/a", "a")), archive(file("etc/b", "b"))]


def incompressible(megabytes: int) -> bytes:
    """A layer that takes a while to come and to unpack."""
    content = random.Random(megabytes).randbytes(1 << 20)
    files = (file(f"large/{number}", content) for number in range(megabytes))
    return archive(directory("large/"), *files)


def uuids(host: Host, name: str) -> list[str]:
    """The images of a chain that is not installed, as its base and its top."""
    shown = json.loads(host.run("show", name).stdout)
    return [shown["origin"], shown["uuid"]] if "origin" in shown else [shown["uuid"]]


def test_child_of_an_installed_base(host: Host, registry: Registry, layout: Layout) -> None:
    layout.tag("base", layout.add_image(BASE))
    layout.tag("child", layout.add_image([*BASE, archive(file("etc/c", "c"))]))
    layout.push("base", f"{registry.host}/shared/base:1")
    layout.push("child", f"{registry.host}/shared/child:1")
    assert host.run("import", "shared/base:1").status == 0
    run = host.run("import", "shared/child:1")
    assert "Must download and install 1 image (" in run.stdout
    child = run.lines[-1].split()[2]
    assert {path.name for path in root_of(host, child).rglob("*")} == {"etc", "a", "b", "c"}
    rows = host.run("list", "--docker", "-H").lines
    assert sorted(row.split()[1].rpartition("/")[2] for row in rows) == ["base", "child"]


def test_lower_image_that_is_asked_for_later(
    host: Host, registry: Registry, layout: Layout
) -> None:
    layout.tag("base", layout.add_image(BASE, config={"config": {"Cmd": ["base"]}}))
    layout.tag("child", layout.add_image([*BASE, archive(file("etc/c", "c"))]))
    layout.push("base", f"{registry.host}/later/base:1")
    layout.push("child", f"{registry.host}/later/child:1")
    assert host.run("import", "later/child:1").status == 0
    base = json.loads(host.run("show", "later/base:1").stdout)["uuid"]
    assert not root_of(host, base).exists()
    run = host.run("import", "later/base:1")
    assert (run.status, "download" in run.stdout) == (0, False)
    assert (root_of(host, base) / "etc" / "b").read_text() == "b"
    manifest = json.loads(host.run("get", base).stdout)["manifest"]
    assert manifest["tags"]["docker:repo"] == f"{registry.host}/later/base"
    assert manifest["tags"]["docker:config"] == {"Cmd": ["base"]}
    assert "already installed from" in host.run("import", "later/base:1").stdout


def test_lower_image_that_is_asked_for_by_its_uuid(
    host: Host, registry: Registry, layout: Layout
) -> None:
    layout.tag("it", layout.add_image(BASE))
    layout.push("it", f"{registry.host}/by-uuid:1")
    assert host.run("import", "by-uuid:1").status == 0
    base, _ = uuids(host, "by-uuid:1")
    assert host.run("import", base).status == 0
    assert (root_of(host, base) / "etc" / "a").read_text() == "a"
    assert host.run("import", base).stdout.endswith("is already installed, skipping\n")


def test_second_tag_of_the_same_layers(host: Host, registry: Registry, layout: Layout) -> None:
    for tag, command in (("1", "one"), ("2", "two")):
        layout.tag(tag, layout.add_image(BASE, config={"config": {"Cmd": [command]}}))
        layout.push(tag, f"{registry.host}/tags:{tag}")
    assert host.run("import", "tags:1").status == 0
    assert "is already installed from" in host.run("import", "tags:2").stdout
    rows = host.run("list", "--docker", "-H").lines
    assert [row.split()[2] for row in rows] == ["1", "2"]
    assert json.loads(host.run("get", rows[0].split()[0]).stdout)["manifest"]["tags"][
        "docker:config"
    ] == {"Cmd": ["one"]}


def test_two_imports_at_once(host: Host, registry: Registry, layout: Layout) -> None:
    shared = [*BASE, incompressible(20)]
    for name in ("one", "two"):
        layout.tag(name, layout.add_image([*shared, archive(file(name, name))]))
        layout.push(name, f"{registry.host}/at-once/{name}:1")
    names = ["at-once/one:1", "at-once/two:1", "at-once/one:1"]
    runs = [running.finish() for running in [host.start("import", name) for name in names]]
    assert [run.status for run in runs] == [0, 0, 0], runs
    installed = [json.loads(host.run("show", name).stdout)["uuid"] for name in names[:2]]
    for uuid, name in zip(installed, ("one", "two"), strict=True):
        assert (root_of(host, uuid) / name).read_text() == name
        assert (root_of(host, uuid) / "large" / "19").stat().st_size == 1 << 20
    assert len(host.installed()) == 5


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_import_that_is_ended(
    number: signal.Signals, status: int, host: Host, registry: Registry, layout: Layout
) -> None:
    layout.tag("it", layout.add_image([*BASE, incompressible(60)]))
    layout.push("it", f"{registry.host}/ended:1")
    _, head = uuids(host, "ended:1")
    running = host.start("import", "ended:1")
    wait_until(lambda: any((path / "root/large/3").exists() for path in host.partials(head)))
    running.signal(number)
    run = running.finish()
    assert run.status == status
    assert not (host.pool / head).exists()
    assert bool(host.partials(head)) == (number == signal.SIGKILL)
    names = host.installed() - {path.name for path in host.partials(head)}
    assert all(len(name) == 36 or name.endswith(".lock") for name in names)
    assert host.run("import", "ended:1").status == 0
    assert len(list((root_of(host, head) / "large").iterdir())) == 60
    assert len(host.installed()) == 3


@contextmanager
def serving(host: Host) -> Iterator[str]:
    """The URL of a server of what is installed on the host."""
    server = host.start("serve", "-P", str(host.pool), "-l", "127.0.0.1:0")
    assert server.process.stdout is not None
    try:
        yield server.process.stdout.readline().split()[-1]
    finally:
        server.signal(signal.SIGTERM)
        server.process.communicate()


def test_layers_by_way_of_an_image_server(
    host: Host, registry: Registry, layout: Layout, tmp_path: Path
) -> None:
    """What one host has from a registry, another gets from it by UUID."""
    layout.tag("it", layout.add_image([*BASE, archive(file("etc/.wh.a"))]))
    layout.push("it", f"{registry.host}/served:1")
    uuid = host.run("import", "served:1").lines[-1].split()[2]
    other = Host(tmp_path / "other")
    with serving(host) as url:
        run = other.run("import", "-S", url, uuid)
    assert (run.status, run.stderr) == (0, "")
    assert {path.name for path in root_of(other, uuid).rglob("*")} == {"etc", "b"}
    assert other.installed() == host.installed()


@pytest.mark.parametrize("claims", ["the registry's digest", "its own digest", "no digest"])
def test_server_with_something_else_under_the_uuid_of_a_layer(
    claims: str, host: Host, registry: Registry, layout: Layout, tmp_path: Path
) -> None:
    """It would be run as the registry's by whoever imports from there afterwards."""
    name = f"victim/{len(claims)}"
    layout.tag("it", layout.add_image(BASE))
    layout.push("it", f"{registry.host}/{name}:1")
    assert host.run("import", f"{name}:1").status == 0
    base = json.loads(host.run("show", f"{name}:1").stdout)["origin"]
    other_layer = archive(directory("etc/"), file("etc/a", "somebody else's"))
    (host.pool / base / "layer").write_bytes(other_layer)
    record = json.loads((host.pool / base / "image.json").read_text())
    if claims != "the registry's digest":
        own = "sha256:" + hashlib.sha256(other_layer).hexdigest()
        record["manifest"]["tags"] = {"docker:id": own} if claims == "its own digest" else {}
    record["layer"]["compression"] = "none"
    (host.pool / base / "image.json").write_text(json.dumps(record))
    other = Host(tmp_path / "other")
    with serving(host) as url:
        run = other.run("import", "-S", url, base)
    assert run.status == 1
    assert run.error()[0] in ("DownloadError", "InvalidManifest")
    assert other.installed() == set()
    configure(other, registry.url)
    run = other.run("import", f"{name}:1")
    assert (run.status, run.stderr) == (0, "")
    head = run.lines[-1].split()[2]
    assert (root_of(other, head) / "etc" / "a").read_text() == "a"


def test_installed_layer_of_which_nothing_is_known(
    host: Host, registry: Registry, layout: Layout
) -> None:
    layout.tag("base", layout.add_image(BASE))
    layout.tag("child", layout.add_image([*BASE, archive(file("etc/c", "c"))]))
    for tag in ("base", "child"):
        layout.push(tag, f"{registry.host}/unknown/{tag}:1")
    assert host.run("import", "unknown/base:1").status == 0
    base, head = uuids(host, "unknown/base:1")
    record = json.loads((host.pool / base / "image.json").read_text())
    (host.pool / base / "image.json").write_text(
        json.dumps({key: record[key] for key in record if key not in ("layer", "source")})
    )
    for name in ("unknown/base:1", "unknown/child:1"):
        run = host.run("import", name)
        code, message = run.error()
        assert (run.status, code) == (1, "LayerNotVerified")
        assert f'"imgadm delete {base}"' in message
    assert host.run("delete", head).status == 0
    assert host.run("delete", base).status == 0
    assert host.run("import", "unknown/child:1").status == 0
