"""Nothing that a stream says is obeyed: streams of the real ``zfs`` with all that it can put in."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.e2e.imports.images import Image, make_image
from tests.python_path import PYTHON_PATH
from tests.stands.zfsvm import Session

from .guest_host import GuestHost, Shelf, Traces, announced_url, only
from .hostile_streams import PLANTED, USER_PROPERTIES, hostile_stream

NOBODY = "setpriv --reuid 65534 --regid 65534 --clear-groups --"
# How many there are below is counted on every dataset of a pool where somebody once set a limit.
PROPERTIES = (
    "zfs get -H -t filesystem,volume,snapshot -s local,received -o name,property,value,source "
    "-r all zones | grep -v '_count'"
)


@dataclass(frozen=True)
class Shown:
    """All that could have been set or mounted on a host, or put among its files."""

    properties: list[str]
    mounts: list[str]
    holds: str
    planted: str


def shown(vm: Session) -> Shown:
    answers = vm.check(
        f"{PROPERTIES}; echo --; grep ' zfs ' /proc/mounts; echo --; "
        "zfs list -H -t snapshot -o userrefs,name | grep -v ^0; "
        f"echo --; ls {PLANTED}; true"
    ).split("--\n")
    properties, mounts = (sorted(text.splitlines()) for text in answers[:2])
    return Shown(properties, mounts, answers[2], answers[3])


def image_of(name: str, origin: Image | None = None) -> Image:
    is_disk = name.startswith("disk")
    kind = {"type": "zvol", "image_size": 8} if is_disk else {"type": "zone-dataset"}
    return make_image(f"hostile-{name}", hostile_stream(name), origin=origin, **kind)


@pytest.mark.timeout(900)
def test_streams_set_nothing_mount_nothing_and_hide_nothing(
    zones: Session, shelf: Shelf, url: str
) -> None:
    assert len(believed(zones, "props")) > 35
    assert len(believed(zones, "disk-props")) > 12
    host, before = GuestHost(zones), shown(zones)
    bases = [image_of(name) for name in ("plain", "props", "replica")]
    disks = [image_of(f"disk-{name}") for name in ("plain", "props", "replica")]
    clones = [
        image_of("props-clone", bases[1]),
        image_of("disk-props-clone", disks[1]),
    ]
    images = [*bases, *disks, *clones]
    shelf.put(*images)
    wanted = [image.uuid for image in (bases[0], bases[2], disks[0], disks[2], *clones)]
    runs = host.run_together(*(("import", "-S", url, uuid) for uuid in wanted))
    assert [(run.status, run.stderr) for run in runs] == [(0, "")] * len(runs)
    assert host.traces() == only(*images)
    after = shown(zones)
    assert after.planted == before.planted
    assert after.holds == before.holds == ""
    file_systems = [*bases, clones[0]]
    assert after.properties == sorted(
        [
            *before.properties,
            *(
                f"zones/{image.uuid}\t{prop}\toff\tlocal"
                for image in file_systems
                for prop in ("setuid", "devices")
            ),
            *(
                f"zones/{image.uuid}{snapshot}\tvolsize\t8M\tlocal"
                for image in (*disks, clones[1])
                for snapshot in ("", "@final")
            ),
        ]
    )
    new = [line.split()[:4] for line in after.mounts if line not in before.mounts]
    assert [words[:2] for words in new] == sorted(
        [f"zones/{image.uuid}", f"/zones/{image.uuid}"] for image in file_systems
    )
    assert all({"nosuid", "nodev"} <= set(words[3].split(",")) for words in new)
    assert_harmless(zones, bases[1].uuid)
    listed = host.run("list", "-H", "-o", "uuid").stdout.split()
    assert sorted(listed) == sorted(image.uuid for image in images)
    for image in (*clones, *bases, *disks):
        assert host.run("delete", image.uuid).status == 0
    assert host.traces() == Traces()


def believed(vm: Session, name: str) -> set[str]:
    """The properties that ``zfs receive`` takes from a stream if it is left alone."""
    stream = vm.exchange / f"believed-{name}"
    stream.write_bytes(hostile_stream(name))
    properties = vm.check(
        f"zfs receive -u zones/believed <{stream}; "
        "zfs get -H -s received -o property all zones/believed; zfs destroy -r zones/believed"
    )
    assert set(USER_PROPERTIES) <= set(properties.split())
    return set(properties.split())


def assert_harmless(vm: Session, uuid: str) -> None:
    """Programs and device nodes of an image serve nobody; those of a machine made of it work."""
    image, machine = f"/zones/{uuid}", "/zones/machine"
    vm.check(f"zfs clone zones/{uuid}@final zones/machine")
    # In a shell: setpriv itself still may go wherever root may.
    use = f"{NOBODY} sh -c '{{0}}/whoami; echo $?; head -c 1 {{0}}/zero | wc -c'"
    for place in (image, f"{image}/.zfs/snapshot/final"):
        vm.check(f"ls {place}/whoami")
        assert vm.run(use.format(place)).stdout.split() == ["126", "0"]
    assert vm.run(use.format(machine)).stdout.split() == ["0", "1"]
    vm.check("zfs destroy zones/machine")


REFUSED = {
    "nested": "got a package of several snapshots",
    "several": "got a package of several snapshots",
    "raw": "got a raw (encrypted) stream",
    "raw-props": "got a raw (encrypted) stream",
    "redacted": "got a redacted stream",
    "resumed": "got a stream that resumes an interrupted receive",
    "props-clone": "wanted a full stream",
    "disk-props-clone": "wanted a full stream",
}


@pytest.mark.timeout(900)
def test_streams_that_are_no_image_are_refused_by_name(
    zones: Session, shelf: Shelf, url: str
) -> None:
    host, before = GuestHost(zones), shown(zones)
    cases = [(image_of(name), why) for name, why in REFUSED.items()]
    disk, files = image_of("disk-props"), image_of("props")
    cases += [
        (disk.having(uuid=disk.uuid[:-1] + "0", image_size=9), "wanted one of 9 MiB"),
        (disk.having(uuid=disk.uuid[:-1] + "1", image_size=7), "wanted one of 7 MiB"),
        (files.having(type="zvol"), "wanted that of a volume"),
        (
            make_image("disk as files", hostile_stream("disk-props"), type="zone-dataset"),
            "wanted that of a file system",
        ),
    ]
    shelf.put(*(image for image, _ in cases))
    runs = host.run_together(*(("import", "-S", url, image.uuid) for image, _ in cases))
    for (_, why), run in zip(cases, runs, strict=True):
        assert run.status == 1, run
        assert why in run.stderr, run
    assert host.traces() == Traces()
    assert shown(zones) == before


@contextmanager
def dripping(vm: Session, shelf: Shelf, image: Image) -> Iterator[str]:
    """A server that sends all of the file but its last byte, and then waits."""
    shelf.put(image)
    words = ["-m", "tests.zfs.pausing_server", shelf.path, len(image.data) - 1, shelf.path / "gate"]
    server = vm.start(
        f"exec {shlex.join([sys.executable, *map(str, words)])}", env={"PYTHONPATH": PYTHON_PATH}
    )
    try:
        yield announced_url(server)
    finally:
        server.signal("KILL")
        server.wait(timeout=60)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "end"), [("props", "KILL"), ("disk-props", "INT")])
def test_while_the_checksum_is_open_there_is_nothing_whole(
    name: str, end: str, zones: Session, shelf: Shelf
) -> None:
    host, before = GuestHost(zones), shown(zones)
    kind = {"type": "zvol"} if name.startswith("disk") else {"type": "zone-dataset"}
    image = make_image(f"dripping-{name}", hostile_stream(name), "none", **kind)
    with dripping(zones, shelf, image) as url:
        running = host.start("import", "-S", url, image.uuid)
        zones.check(f"until zfs list zones/{image.uuid}-partial; do sleep 0.3; done", timeout=50)
        half_way = shown(zones)
        assert half_way.mounts == before.mounts
        assert half_way.planted == before.planted
        assert "received" not in "".join(half_way.properties)
        assert host.traces().snapshots == host.traces().records == []
        assert running.poll() is None
        running.signal(end)
        running.wait(timeout=120)
    left = "zfs list -H -o name -r zones | grep partial"
    zones.check(f"for n in $(seq 100); do {left} || exit 0; sleep 0.2; done; exit 1", timeout=60)
    assert shown(zones) == before
