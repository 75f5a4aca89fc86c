"""Images from a real registry, next to what ``skopeo`` and ``umoci`` make of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.e2e.imports.host import Host
from tests.stands.registry.fixtures import need
from tests.stands.registry.layouts import Layout, skopeo
from tests.stands.registry.server import Registry
from tests.unit.layers.layer_builder import archive, directory, file

from .conftest import configure
from .contents import changes, everything, many, opaque
from .unpacked import assert_same, by_others, root_of

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can set owners and devices")


def imported(host: Host, *words: str) -> str:
    """Import an image; its UUID."""
    run = host.run("import", *words)
    assert (run.status, run.stderr) == (0, ""), run
    return run.lines[-1].split()[2]


@needs_root
@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_image_is_what_others_make_of_it(
    form: str, compression: str, host: Host, registry: Registry, layout: Layout, tmp_path: Path
) -> None:
    need("umoci")
    if (form, compression) == ("v2s2", "zstd"):
        pytest.skip("schema 2 knows no zstd")
    name = f"same/{form}-{compression}:v1"
    image = layout.add_image([everything(), changes(), opaque()], compression=compression)
    layout.tag("it", image)
    if form == "oci":
        layout.push("it", f"{registry.host}/{name}")
    else:
        copy = ["--format", form, "--dest-tls-verify=false", f"oci:{layout.directory}:it"]
        skopeo("copy", *copy, f"docker://{registry.host}/{name}")
    uuid = imported(host, name)
    assert_same(root_of(host, uuid), by_others(tmp_path, f"{registry.host}/{name}"))
    assert not (host.pool / uuid / "owners.jsonl").exists()


def test_forty_layers(host: Host, registry: Registry, layout: Layout, tmp_path: Path) -> None:
    need("umoci")
    layout.tag("it", layout.add_image(many(40)))
    layout.push("it", f"{registry.host}/forty:v1")
    run = host.run("import", "forty:v1")
    assert (run.status, run.stderr) == (0, "")
    assert sum(line.startswith("Imported image") for line in run.lines) == 40
    assert_same(
        root_of(host, run.lines[-1].split()[2]),
        by_others(tmp_path, f"{registry.host}/forty:v1"),
        owners=os.geteuid() == 0,
    )
    listed = host.run("list", "-H", "-o", "uuid,clones", "type=docker").lines
    assert len(listed) == 40
    (row,) = host.run("list", "--docker", "-H").lines
    assert row.split()[1:3] == [f"{registry.host}/forty", "v1"]


def platforms(layout: Layout) -> None:
    layout.tag(
        "it",
        layout.add_index(
            [
                layout.add_image([archive(file("i-am", name))], platform=name)
                for name in (
                    "linux/386",
                    "linux/arm/v6",
                    "linux/arm/v7",
                    "linux/arm64",
                    "linux/amd64",
                )
            ]
        ),
    )


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ((), "linux/amd64"),
        (("--platform", "linux/arm64"), "linux/arm64"),
        (("--platform", "linux/arm/v7"), "linux/arm/v7"),
        (("--platform", "linux/arm/v6"), "linux/arm/v6"),
        (("--platform", "linux/386"), "linux/386"),
    ],
)
def test_platform(
    options: tuple[str, ...], chosen: str, host: Host, registry: Registry, layout: Layout
) -> None:
    platforms(layout)
    layout.push("it", f"{registry.host}/platforms:v1")
    uuid = imported(host, *options, "platforms:v1")
    assert (root_of(host, uuid) / "i-am").read_text() == chosen


def test_platform_that_is_not_there(host: Host, registry: Registry, layout: Layout) -> None:
    platforms(layout)
    layout.push("it", f"{registry.host}/platforms:v1")
    run = host.run("import", "--platform", "linux/riscv64", "platforms:v1")
    code, message = run.error()
    assert (run.status, code) == (1, "InvalidDockerInfo")
    assert "no linux/riscv64 platform found in manifest list: linux/386, " in message
    host.assert_tidy()


def test_large_layer(host: Host, registry: Registry, layout: Layout) -> None:
    size = 1 << 30
    layout.tag("it", layout.add_image([archive(file("zeros", bytes(size)))]))
    layout.push("it", f"{registry.host}/large:v1")
    uuid = imported(host, "large:v1")
    assert (root_of(host, uuid) / "zeros").stat().st_size == size
    assert host.run("delete", uuid).status == 0


def test_ordinary_user(registry: Registry, layout: Layout, host: Host, tmp_path: Path) -> None:
    """Owners are recorded; everything else is as root has it."""
    layout.tag("it", layout.add_image([everything(), changes()]))
    layout.push("it", f"{registry.host}/user:v1")
    if os.geteuid() == 0:
        need("setpriv")
        nobody = ("--reuid=65534", "--regid=65534", "--clear-groups")
        host.runner = ("setpriv", *nobody, "--", *host.runner)
        give_away(tmp_path, 65534)
    uuid = imported(host, "user:v1")
    root = root_of(host, uuid)
    assert (root / "bin" / "su").read_text() == "#!"
    assert (root / "srv" / "readonly").read_text() == "was a directory"
    assert not (root / "etc" / "a").exists()
    recorded = [
        json.loads(line) for line in (root.parent / "owners.jsonl").read_text().splitlines()
    ]
    assert recorded[0] == {"version": 1, "owners": "recorded"}
    last = {line.get("path"): line for line in recorded}
    assert (last["bin/su"]["mode"], last["srv"]["uid"]) == ("4755", 33)
    assert last["dev/sda"]["type"] == "block device"
    assert host.run("delete", uuid).status == 0
    assert host.run("vacuum", "-f").status == 0
    host.assert_tidy()


def give_away(directory: Path, owner: int) -> None:
    """Let another user work below ``directory``, and come to it."""
    for path in (directory, *directory.rglob("*")):
        os.chown(path, owner, owner, follow_symlinks=False)
    for path in directory.parents:
        if path.stat().st_uid == os.geteuid() and path.stat().st_mode & 0o001 == 0:
            path.chmod(path.stat().st_mode | 0o011)


def test_installed_images_are_shown(host: Host, registry: Registry, layout: Layout) -> None:
    layers = [archive(directory("a/")), archive(file("a/b", "b"))]
    layout.tag("it", layout.add_image(layers))
    layout.push("it", f"{registry.host}/shown:v1")
    uuid = imported(host, "shown:v1")
    shown = json.loads(host.run("show", "shown:v1").stdout)
    got = json.loads(host.run("get", uuid).stdout)
    assert got["manifest"] == shown
    assert got["source"] == registry.url
    assert got["layer"]["compression"] == "gzip"
    ancestry = host.run("ancestry", "-H", "-o", "uuid", uuid).lines
    assert ancestry == [uuid, shown["origin"]]
    refused = host.run("delete", shown["origin"])
    assert refused.error()[0] == "ImageHasDependentClones"
    assert deleted(host, uuid, shown["origin"]) == [0, 0]
    host.assert_tidy()


def test_the_source_is_the_registry_that_was_asked(
    host: Host, registry: Registry, layout: Layout
) -> None:
    """Not the configured one, nor what its URL has to let us in."""
    layout.tag("it", layout.add_image([archive(directory("a/"))]))
    layout.push("it", f"{registry.host}/from:v1")
    for configured in ("http://localhost:1", registry.url.replace("//", "//ann:s3cret@")):
        configure(host, configured)
        run = host.run("import", f"{registry.host}/from:v1")
        assert run.lines[0].endswith(f'from "{registry.url}"')
        uuid = run.lines[-1].split()[2]
        assert json.loads(host.run("get", uuid).stdout)["source"] == registry.url
        assert host.run("delete", uuid).status == 0


def deleted(host: Host, *uuids: str) -> list[int]:
    return [host.run("delete", uuid).status for uuid in uuids]


def test_events(host: Host, registry: Registry, layout: Layout) -> None:
    layout.tag("it", layout.add_image([archive(directory("a/")), archive(file("a/b", "b"))]))
    layout.push("it", f"{registry.host}/events:v1")
    events = host.run("import", "--json", "events:v1").events
    begin = events[0]
    assert (begin["event"], begin["reference"]) == ("import-begins", f"{registry.host}/events:v1")
    kinds = [event["event"] for event in events if event["event"] != "transferring"]
    assert kinds[:3] == ["import-begins", "ancestry-wanted", "transfer-planned"]
    assert sorted(kinds[3:]) == [
        "file-verified",
        "file-verified",
        "image-installed",
        "layer-installed",
    ]
    final = events[-1]
    assert final["event"] == "image-installed"
    assert final["bytes_in"] == final["total"] == events[2]["size"]
