"""Images of a registry on a real zpool: clones of each other, with the trees that others unpack.

The registry runs in the guest, which has no network; it is filled on the host, by another client.
"""

from __future__ import annotations

import gzip
import json
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from imgadm.manifest.docker import layer_uuid
from tests import trees
from tests.e2e.registries.contents import changes, everything, many, opaque
from tests.e2e.registries.unpacked import by_others
from tests.python_path import PYTHON_PATH
from tests.stands.registry.fixtures import need
from tests.stands.registry.layouts import LAYER, Layout
from tests.stands.registry.pushing import push_by_hand
from tests.stands.registry.server import Registry
from tests.stands.zfsvm import Session
from tests.unit.layers.layer_builder import archive, file

from .guest_host import GuestHost, Traces, finished

PORT = 5571
DESCRIBE = (
    "import json, sys; from tests import trees; "
    "print(json.dumps(trees.describe(sys.argv[1], directory_times=False)))"
)


@dataclass
class Shop:
    """What is in the registry: the chain of UUIDs of each image, and what others make of it."""

    data: Path
    work: Path
    chains: dict[str, list[str]]
    roots: dict[str, list[str]]

    def add(self, name: str, *layers: bytes) -> None:
        """Fill the registry from the host, and have the image unpacked there."""
        work = self.work / name.partition(":")[0]
        with Registry(work / "registry", data=self.data) as registry:
            layout = Layout(work / "layout")
            image = layout.add_image(layers)
            layout.tag("it", image)
            layout.push("it", f"{registry.host}/{name}")
            root = by_others(work, f"{registry.host}/{name}")
        self._note(name, json.loads(layout.read(image)))
        self.roots[name] = trees.describe(root, directory_times=False)

    def add_bad(self, name: str, good: bytes) -> None:
        """An image whose second layer ends in the middle."""
        work = self.work / name.partition(":")[0]
        with Registry(work / "registry", data=self.data) as registry:
            layout = Layout(work / "layout")
            document = json.loads(layout.read(layout.add_image([good, good])))
            document["layers"][1] = layout.add(gzip.compress(good)[:-20], LAYER + "+gzip")
            image = layout.add_json(document, document["mediaType"])
            repository, _, tag = name.partition(":")
            push_by_hand(registry, layout, image, repository, tag=tag)
        self._note(name, document)

    def _note(self, name: str, manifest: dict[str, object]) -> None:
        digests = [layer["digest"] for layer in manifest["layers"]]  # type: ignore[attr-defined]
        self.chains[name] = [layer_uuid(digests[: end + 1]) for end in range(len(digests))]


@pytest.fixture(scope="session")
def shop(zfs_host: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    need("docker-registry", "skopeo", "umoci")
    made = Shop(zfs_host.exchange / "registry", tmp_path_factory.mktemp("shop"), {}, {})
    base = [everything(), changes()]
    made.add("base:1", *base)
    made.add("child:1", *base, opaque())
    made.add("many:1", *many(8))
    made.add("slow:1", *base, archive(*(file(f"f{n}", bytes(1 << 20)) for n in range(64))))
    made.add_bad("bad:1", archive(file("good", "g" * 5000)))
    configuration = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(made.data)}},
        "http": {"addr": f"127.0.0.1:{PORT}", "secret": "of these tests"},
    }
    (made.data / "registry.yml").write_text(json.dumps(configuration))
    server = zfs_host.start(f"exec docker-registry serve {made.data}/registry.yml")
    zfs_host.check(
        f"for i in $(seq 100); do (: </dev/tcp/127.0.0.1/{PORT}) 2>/dev/null && exit; sleep 0.2; "
        "done; exit 1"
    )
    yield made
    server.signal("TERM")
    server.wait(30)
    shutil.rmtree(made.data)


@pytest.fixture
def registry_host(host: GuestHost, shop: Shop) -> GuestHost:
    """A host that has the registry as its source."""
    sources = [{"type": "docker", "url": f"http://127.0.0.1:{PORT}"}]
    configuration = host.vm.exchange / "imgadm.conf"
    configuration.write_text(json.dumps({"sources": sources}))
    state = f"{host.root}/state"
    host.vm.check(f"mkdir -p {state}; cp {configuration} {state}/imgadm.conf")
    return host


def chain(uuids: list[str]) -> Traces:
    """Images that are clones of each other, base first, and nothing else on the host."""
    origins = ["-", *(f"zones/{uuid}@final" for uuid in uuids[:-1])]
    return Traces(
        origins={f"zones/{uuid}": origin for uuid, origin in zip(uuids, origins, strict=True)},
        snapshots=sorted(f"zones/{uuid}@final" for uuid in uuids),
        records=sorted(f"zones-{uuid}.json" for uuid in uuids),
    )


def root_of(host: GuestHost, uuid: str) -> list[str]:
    script = shlex.join([sys.executable, "-c", DESCRIBE, f"/zones/{uuid}/root"])
    described = host.vm.run(script, env={"PYTHONPATH": PYTHON_PATH}, timeout=120)
    assert described.status == 0, described.stderr
    lines: list[str] = json.loads(described.stdout)
    return lines


def imported(host: GuestHost, name: str) -> None:
    run = host.run("import", name)
    assert (run.status, run.stderr) == (0, "")


def assert_private_mounts_are_gone(host: GuestHost) -> None:
    assert host.vm.check(
        f"ls -A {host.root}/state/mounts; grep -c mounts/ /proc/mounts || true"
    ) in (
        "0\n",
        "",
    )


@pytest.mark.parametrize("name", ["child:1", "many:1"])
def test_trees_are_what_others_unpack(name: str, registry_host: GuestHost, shop: Shop) -> None:
    imported(registry_host, name)
    uuids = shop.chains[name]
    assert registry_host.traces() == chain(uuids)
    assert root_of(registry_host, uuids[-1]) == shop.roots[name]
    assert_private_mounts_are_gone(registry_host)
    records = registry_host.records()
    assert all(
        set(record) == {"manifest", "zpool", "source", "layer"} for record in records.values()
    )
    inherited = registry_host.vm.check(f"zfs get -H -o source mountpoint zones/{uuids[0]}")
    assert inherited == "default\n"
    for uuid in uuids:
        # Nobody but root gets at the set-uid programs and devices of an image.
        private = registry_host.vm.check(
            f"stat -c '%a %u' /zones/{uuid}; zfs get -H -o value setuid,devices zones/{uuid}"
        )
        assert private.split() == ["700", "0", "off", "off"]


def test_child_of_an_installed_base(registry_host: GuestHost, shop: Shop) -> None:
    imported(registry_host, "base:1")
    base = shop.chains["base:1"]
    assert registry_host.traces() == chain(base)
    run = registry_host.run("import", "child:1")
    assert "Must download and install 1 image (" in run.stdout
    assert registry_host.traces() == chain(shop.chains["child:1"])
    assert root_of(registry_host, base[-1]) == shop.roots["base:1"]
    assert root_of(registry_host, shop.chains["child:1"][-1]) == shop.roots["child:1"]
    assert registry_host.run("vacuum", "-f").status == 0
    assert registry_host.traces() == Traces()


def test_bad_layer_leaves_no_dataset(registry_host: GuestHost, shop: Shop) -> None:
    run = registry_host.run("import", "bad:1")
    assert run.error()[0] == "UncompressionError"
    assert registry_host.traces() == chain(shop.chains["bad:1"][:1])
    assert_private_mounts_are_gone(registry_host)


@pytest.mark.parametrize("signal", ["INT", "KILL"])
def test_import_that_is_ended(signal: str, registry_host: GuestHost, shop: Shop) -> None:
    uuids = shop.chains["slow:1"]
    running = registry_host.start("import", "slow:1")
    unpacking = f"{registry_host.root}/state/mounts/{uuids[-1]}/{uuids[-1]}/root/f3"
    registry_host.vm.check(
        f"for i in $(seq 600); do test -e {unpacking} && exit; sleep 0.1; done; exit 1", timeout=90
    )
    running.signal(signal)
    assert finished(running).status == {"INT": 130, "KILL": 137}[signal]
    if signal == "INT":
        assert registry_host.traces() == chain(uuids[:-1])
        assert_private_mounts_are_gone(registry_host)
    imported(registry_host, "slow:1")
    # Who was killed has said in the lock of the base, which nobody has taken since, who it was.
    assert replace(registry_host.traces(), held_locks=[]) == chain(uuids)
    assert root_of(registry_host, uuids[-1]) == shop.roots["slow:1"]
    assert_private_mounts_are_gone(registry_host)


def test_machine_made_of_such_an_image(registry_host: GuestHost, shop: Shop) -> None:
    imported(registry_host, "base:1")
    uuid = shop.chains["base:1"][-1]
    registry_host.vm.check(f"zfs clone zones/{uuid}@final zones/machine")
    refused = registry_host.run("delete", uuid)
    assert refused.error()[0] == "ImageHasDependentClones"
