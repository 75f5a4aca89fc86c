"""Updates of images on a zpool: records that are lost, and snapshots that are called otherwise."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.e2e.imports.images import Image, chain_of_three, sample

from .guest_host import GuestHost, Shelf, only


def with_guid(image: Image, stream: str) -> Image:
    """The image with the guid of its snapshot in its manifest, as the first record has it."""
    guid = int.from_bytes(sample(stream)[40:48], "little")
    return image.promising(dataset_guid=str(guid))


def configure(host: GuestHost, url: str) -> None:
    conf = {"upgradedToVer": "3.0.0", "sources": [{"type": "imgapi", "url": url}]}
    host.vm.check(f"echo '{json.dumps(conf)}' >{host.root}/state/imgadm.conf")


@pytest.mark.timeout(600)
def test_what_was_lost_comes_back(host: GuestHost, shelf: Shelf, url: str) -> None:
    base, child, _ = chain_of_three()
    base, child = with_guid(base, "zvol-full"), with_guid(child, "zvol-incr")
    shelf.put(base, child)
    assert host.run("import", "-S", url, child.uuid).status == 0
    configure(host, url)
    name, machine = f"zones/{base.uuid}", "zones/machine"
    host.vm.check(f"zfs clone {name}@final {machine}")
    whole = host.traces()
    assert whole.origins.pop(machine) == f"{name}@final"
    assert whole == only(base, child)

    host.vm.check(
        f"""
        rm {host.root}/state/images/zones-{base.uuid}.json
        zfs rename {name}@final {name}@original
        zfs snapshot {name}@newer
        """
    )
    lost = host.traces()
    assert lost.origins[machine] == lost.origins[f"zones/{child.uuid}"] == f"{name}@original"
    dry = host.run("update", "-n")
    assert (dry.status, dry.stderr) == (0, "")
    assert dry.lines == [
        f'Added manifest info for image {base.uuid} from "{url}"',
        f"Renamed image {base.uuid} original snapshot from {name}@original to {name}@final",
    ]
    assert host.traces() == lost
    assert host.run("update") == dry
    found = host.traces()
    assert found.origins.pop(machine) == f"{name}@final"
    assert found == replace(whole, snapshots=sorted([*whole.snapshots, f"{name}@newer"]))
    assert host.records()[f"zones-{base.uuid}.json"] == {
        "manifest": base.manifest,
        "zpool": "zones",
        "source": url,
    }
    again = host.run("update", base.uuid, child.uuid)
    assert (again.status, again.stdout, again.stderr) == (0, "", "")

    # A snapshot that was never sent is not taken for the one that is missing.
    host.vm.check(f"zfs rename {name}@final {name}@other")
    shelf.put(base.promising(dataset_guid="777"), child.having(description="new"))
    before = host.traces()
    run = host.run("update", base.uuid, child.uuid)
    assert (run.status, *run.error()) == (
        1,
        "ImageMissingOriginalSnapshot",
        f'image "{base.uuid}" is missing its original snapshot (expected a snapshot with guid 777)',
    )
    assert run.lines == [
        f'Updated 1 manifest field for image {base.uuid} from "{url}": files',
        f'Updated 1 manifest field for image {child.uuid} from "{url}": description',
    ]
    assert host.traces() == before
