"""Streams received into a zpool: none sets a property, none is mounted too early."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from imgadm import streams
from imgadm.base.errors import InternalError
from imgadm.pools.images import InstalledImage
from tests.unit.pools.conformance import manifest_of, sample
from tests.unit.pools.zpool.test_zfs import REAL_ZPOOL, EmulatedBench

pytestmark = pytest.mark.skipif(REAL_ZPOOL is not None, reason="about the emulated zfs")

SETTINGS = ["setuid=off", "devices=off"]
OLD_USAGE = 'echo "usage: receive [-vnFu] [-o origin=snapshot] <filesystem|volume>" >&2; exit 2'


@pytest.fixture
def zpool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmulatedBench:
    return EmulatedBench(tmp_path, monkeypatch)


def received(zpool: EmulatedBench) -> list[str]:
    """The words of the last call that received something, without its target."""
    return [call for call in zpool.calls("receive") if len(call) > 2][-1][2:-1]


def settings(zpool: EmulatedBench, uuid: str) -> list[str]:
    """Of a file system, from the first byte until it is an image."""
    return [*SETTINGS, f"mountpoint={zpool.scratch / 'mounts' / uuid / 'image'}"]


def as_options(words: list[str]) -> list[str]:
    return [option for word in words for option in ("-o", word)]


def changes(zpool: EmulatedBench) -> list[list[str]]:
    names = ("set", "inherit", "mount", "unmount", "rename")
    return [call[1:] for call in zpool.host.calls() if call[1] in names]


def install(
    zpool: EmulatedBench, name: str, origin: InstalledImage | None = None, **fields: Any
) -> InstalledImage:
    manifest = {**manifest_of(name, None if origin is None else origin.uuid), **fields}
    with zpool.open().receive(manifest, source=None, origin=origin) as reception:
        reception.commit(zpool.run(reception, sample(name)))
    return zpool.installed(manifest["uuid"])


@pytest.mark.parametrize("kind", ["zone-dataset", "lx-dataset", "docker"])
def test_file_systems_are_harmless_from_the_first_byte(kind: str, zpool: EmulatedBench) -> None:
    base = install(zpool, "fs-full", type=kind)
    assert received(zpool) == ["-u", *as_options(settings(zpool, base.uuid))]
    child = install(zpool, "fs-incr", base, type=kind)
    options = as_options([*settings(zpool, child.uuid), f"origin=zones/{base.uuid}@final"])
    assert received(zpool) == ["-u", *options]
    assert zpool.calls("set") == []


def test_volumes_have_no_such_properties(zpool: EmulatedBench) -> None:
    base = install(zpool, "zvol-full")
    assert received(zpool) == ["-u"]
    install(zpool, "zvol-incr", base)
    assert received(zpool) == ["-u", "-o", f"origin=zones/{base.uuid}@final"]
    assert zpool.calls("set") == zpool.calls("mount") == []


def test_properties_are_set_before_the_commit_if_receive_cannot_set_them(
    zpool: EmulatedBench,
) -> None:
    zpool.wrap("receive", OLD_USAGE, unless='[ "$#" -gt 1 ]')
    image = install(zpool, "fs-full")
    assert received(zpool) == ["-u"]
    partial, final = f"zones/{image.uuid}-partial", f"zones/{image.uuid}"
    assert changes(zpool) == [
        *(["set", setting, partial] for setting in settings(zpool, image.uuid)),
        ["mount", partial],
        ["unmount", partial],
        ["inherit", "mountpoint", partial],
        ["rename", partial, final],
        ["mount", final],
    ]
    assert not (zpool.scratch / "mounts" / image.uuid).exists()


@pytest.mark.parametrize("stream", ["fs-full", "zvol-full"])
def test_an_image_of_another_type_may_be_anything(stream: str, zpool: EmulatedBench) -> None:
    image = install(zpool, stream, type="other")
    assert received(zpool) == ["-u"]
    is_volume = stream.startswith("zvol")
    wanted = [] if is_volume else settings(zpool, image.uuid)
    assert [call[2] for call in zpool.calls("set")] == wanted
    names = [] if is_volume else [f"zones/{image.uuid}-partial", f"zones/{image.uuid}"]
    assert [call[2] for call in zpool.calls("mount")] == names


@pytest.mark.parametrize(
    ("stream", "kind"),
    [("fs-full", "zvol"), ("zvol-full", "zone-dataset"), ("zvol-full", "docker")],
)
def test_a_stream_of_the_other_kind_is_refused(
    stream: str, kind: str, zpool: EmulatedBench
) -> None:
    with pytest.raises(streams.ZfsStreamError, match="wanted that of a"):
        install(zpool, stream, type=kind)
    assert zpool.names() == set()


def test_an_incremental_stream_needs_an_origin(zpool: EmulatedBench) -> None:
    base = install(zpool, "fs-full")
    with pytest.raises(streams.ZfsStreamError, match="wanted a full stream"):
        install(zpool, "fs-incr")
    assert zpool.names() == {base.uuid}


@pytest.mark.parametrize(("size", "fits"), [(32, True), (31, False), (33, False), (10240, False)])
def test_the_volume_has_the_size_that_its_manifest_says(
    size: int, fits: bool, zpool: EmulatedBench
) -> None:
    zpool.wrap("get volsize", "echo 33554432")
    if fits:
        assert install(zpool, "zvol-full-props", image_size=size).manifest["image_size"] == size
        return
    with pytest.raises(streams.ZfsStreamError, match=rf"wanted (one|a volume) of {size} MiB"):
        install(zpool, "zvol-full-props", image_size=size)
    assert zpool.names() == set()


def test_the_size_of_the_volume_in_the_pool_is_checked(
    zpool: EmulatedBench,
) -> None:
    base = install(zpool, "zvol-full")
    zpool.wrap("get volsize", "echo 1073741824")
    with pytest.raises(InternalError, match=r"has 1073741824 bytes, but .* is 32 MiB"):
        install(zpool, "zvol-incr", base, image_size=32)
    assert zpool.names() == {base.uuid}


@pytest.mark.parametrize(
    ("said", "warned"),
    [
        ("cannot mount 'x': legacy mountpoint", False),
        ("cannot mount 'x': no mountpoint set", False),
        ("cannot mount 'x': Input/output error", True),
    ],
)
def test_an_image_that_cannot_be_mounted_is_installed(
    said: str, warned: bool, zpool: EmulatedBench, capsys: pytest.CaptureFixture[str]
) -> None:
    zpool.wrap(
        "mount", f'echo "{said}" >&2; exit 1', unless="case $2 in *-partial) ;; *) ! : ;; esac"
    )
    image = install(zpool, "fs-full")
    assert zpool.names() == {image.uuid}
    assert ("could not mount" in capsys.readouterr().err) == warned


def test_a_file_system_that_cannot_be_closed_is_never_mounted(
    zpool: EmulatedBench, capsys: pytest.CaptureFixture[str]
) -> None:
    zpool.wrap("mount", 'echo "cannot mount: Insufficient privileges" >&2; exit 1')
    image = install(zpool, "fs-full")
    partial, final = f"zones/{image.uuid}-partial", f"zones/{image.uuid}"
    assert changes(zpool) == [
        ["inherit", "mountpoint", partial],
        ["set", "canmount=noauto", partial],
        ["rename", partial, final],
    ]
    assert "Insufficient privileges" in capsys.readouterr().err


def test_no_other_user_can_look_into_private_mounts(zpool: EmulatedBench) -> None:
    modes = zpool.scratch / "modes"
    look = f"cd {zpool.scratch}/mounts/* && ls -ld . image | cut -c1-10 >{modes}"
    zpool.wrap("unmount", look)
    image = install(zpool, "fs-full")
    assert modes.read_text().split() == ["drwx------"] * 2
    assert not (zpool.scratch / "mounts" / image.uuid).exists()


def test_zfs_gets_no_variable_that_makes_it_load_or_run_anything(
    zpool: EmulatedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = zpool.scratch / "environments"
    zpool.wrap("", f"env >>{seen}", unless=f"env >>{seen}; true")
    hostile = ("LD_LIBRARY_PATH", "BASH_ENV", "IFS_", "ZFS_ABORT", "PYTHONSTARTUP")
    for name in hostile:
        monkeypatch.setenv(name, "/planted")
    monkeypatch.setenv("PATH", f"/planted:{os.environ['PATH']}")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    install(zpool, "fs-full")
    lines = set(seen.read_text().splitlines())
    assert {"LANG=C", "LC_ALL=C", "PATH=/usr/sbin:/sbin:/usr/bin:/bin"} <= lines
    assert not [line for line in lines if "/planted" in line or "de_DE" in line]
