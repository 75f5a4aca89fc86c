"""Images on zpools: listed, shown, installed from files, handed on to another host, deleted."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.e2e.imports.images import Image, chain_of_three, disk_sha256, sample_image
from tests.stands.zfsvm import volume_digests

from .guest_host import GuestHost, Shelf, extra_pool, finished, only

MACHINE = "aaaaaaaa-0000-4000-8000-000000000001"
DISKS = [disk_sha256(name) for name in ("zvol-full", "zvol-incr", "zvol-incr2")]


def volumes(pool: str, *images: Image) -> list[str]:
    return [f"{pool}/{image.uuid}" for image in images]


@pytest.mark.timeout(600)
def test_images_and_machines_made_of_them(host: GuestHost, shelf: Shelf, url: str) -> None:
    base, child, top = chain = chain_of_three()
    shelf.put(*chain)
    assert host.run("import", "-S", url, top.uuid).status == 0
    machine = f"zones/{MACHINE}"
    host.vm.check(f"zfs clone zones/{top.uuid}@final {machine} && zfs snapshot {machine}@daily")

    table, as_json, got, parents, again, *refused = host.run_together(
        ("list", "-H", "-o", "uuid,name,origin,clones,type,zpool"),
        ("list", "-j", f"uuid={top.uuid}"),
        ("get", top.uuid),
        ("get", "-r", base.uuid),
        ("import", "-S", url, base.uuid),
        ("delete", base.uuid),
        ("delete", top.uuid),
        ("get", MACHINE),
        ("delete", MACHINE),
    )
    assert sorted(line.split() for line in table.lines) == sorted(
        [
            image.uuid,
            image.manifest["name"],
            image.manifest.get("origin", "-"),
            "1",
            "zvol",
            "zones",
        ]
        for image in chain
    )
    shown = {"manifest": top.manifest, "zpool": "zones", "source": url}
    assert json.loads(as_json.stdout) == [{**shown, "cloneNames": [machine], "clones": 1}]
    assert json.loads(got.stdout) == shown
    assert json.loads(parents.stdout)["children"] == {
        "snapshots": [f"zones/{base.uuid}@final"],
        "clones": [f"zones/{child.uuid}"],
    }
    name = base.manifest["name"]
    assert again.lines == [f"Image {base.uuid} ({name} 1.0) is already installed, skipping"]

    assert [(run.status, *run.error()) for run in refused] == [
        (
            1,
            "ImageHasDependentClones",
            f'image "{base.uuid}" has dependent clones: zones/{child.uuid}',
        ),
        (1, "ImageHasDependentClones", f'image "{top.uuid}" has dependent clones: {machine}'),
        (3, "ImageNotInstalled", f'image "{MACHINE}" was not found on zpool "zones"'),
        (3, "ImageNotInstalled", f'image "{MACHINE}" was not found on zpool "zones"'),
    ]
    everything = only(*chain)
    assert host.traces().origins == {
        **everything.origins,
        machine: f"zones/{top.uuid}@final",
    }
    assert volume_digests(host.vm, *volumes("zones", *chain), machine) == [*DISKS, DISKS[-1]]

    host.vm.check(f"zfs destroy -r {machine}")
    for image, left in ((top, [base, child]), (child, [base]), (base, [])):
        deleted = host.run("delete", image.uuid)
        assert (deleted.status, deleted.stdout) == (0, f"Deleted image {image.uuid}\n")
        assert host.traces() == only(*left)


@pytest.mark.timeout(600)
def test_installed_images_are_handed_on_to_another_host(host: GuestHost, shelf: Shelf) -> None:
    base, child, top = chain = chain_of_three("bzip2")
    shelf.put(*chain)
    pairs = {image.uuid: (shelf.manifest(image), shelf.file(image)) for image in chain}
    commands = {
        uuid: ("install", "-m", str(manifest), "-f", str(file))
        for uuid, (manifest, file) in pairs.items()
    }
    early = host.run(*commands[child.uuid])
    assert early.status == 3
    assert early.error() == (
        "OriginNotInstalled",
        f'origin image "{base.uuid}" was not found on zpool "zones"',
    )
    for image in chain:
        installed = host.run(*commands[image.uuid])
        assert (installed.status, installed.lines[-1]) == (0, f"Installed image {image.title}")
    assert host.traces() == only(*chain)
    assert volume_digests(host.vm, *volumes("zones", *chain)) == DISKS

    other = GuestHost(host.vm)
    with extra_pool(host.vm, "tank2") as tank, host.serving("-P", "zones") as url:
        received = other.run("import", "--zstream", "-P", tank, "-S", url, top.uuid)
        assert (received.status, received.stderr) == (0, "")
        assert other.traces(tank) == only(*chain, pool=tank)
        assert volume_digests(host.vm, *volumes(tank, *chain)) == DISKS
        records = other.records()
        assert [records[f"{tank}-{image.uuid}.json"]["zpool"] for image in chain] == [tank] * 3

        listed, there, here = (
            other.run("list", "-P", tank, "-H", "-o", "uuid,zpool,clones", "-s", "-clones,uuid"),
            other.run("get", "-P", tank, top.uuid),
            other.run("delete", "-P", tank, top.uuid),
        )
        assert [line.split() for line in listed.lines] == [
            *sorted([image.uuid, tank, "1"] for image in (base, child)),
            [top.uuid, tank, "0"],
        ]
        assert json.loads(there.stdout)["source"] == url
        assert here.status == 0
        assert other.traces(tank) == only(base, child, pool=tank)
    assert host.traces() == only(*chain)


def test_zfs_program_without_its_kernel_part_is_named(host: GuestHost) -> None:
    uuid = sample_image("zvol-embedded").uuid
    hide = 'mount -t tmpfs none /dev && mknod /dev/null c 1 3 && exec "$@"'
    hidden = ["unshare", "--mount", "sh", "-c", hide, "sh"]
    runs = [host.start(*words, prefix=hidden) for words in (("list",), ("import", uuid))]
    for run, name in zip(runs, ("list", "import"), strict=True):
        result = finished(run)
        assert (result.status, result.stdout) == (1, "")
        assert result.stderr == (
            f"imgadm {name}: error (InternalError): {zfs_path()} does not work on this host: "
            "/dev/zfs and /proc/self/mounts are required; make it work, or use a directory as the "
            "pool: -P /a/path, or IMGADM_POOL=/a/path\n"
        )


def zfs_path() -> str:
    path = shutil.which("zfs", path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    assert path is not None
    return path
