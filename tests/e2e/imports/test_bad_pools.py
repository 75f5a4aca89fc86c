"""Pools that are not there, not ours, or full."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Serve
from .host import Finished, Host
from .images import chain_of_three, sample_image

GOOD = sample_image("zvol-full-compressed", "zstd")
NOBODY = 65534

as_root = pytest.mark.skipif(os.getuid() != 0, reason="needs root")


def import_into(host: Host, serve: Serve, pool: Path, **options: object) -> Finished:
    return host.run("import", "-P", str(pool), "-S", serve(GOOD).url, GOOD.uuid, **options)


@pytest.mark.parametrize(
    ("place", "code", "reason"),
    [
        ("none/pool", "ENOENT", "No such file or directory"),
        ("file", "EEXIST", "File exists"),
        ("file/pool", "ENOTDIR", "Not a directory"),
        ("x" * 300, "ENAMETOOLONG", "File name too long"),
    ],
)
def test_no_such_pool(
    place: str, code: str, reason: str, host: Host, serve: Serve, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("precious")
    done = import_into(host, serve, tmp_path / place)
    assert (done.status, done.error()[0]) == (1, code)
    assert f'cannot use "{tmp_path / place}" as a pool: {reason}' in done.error()[1]
    assert "name another with -P" in done.error()[1]
    assert (tmp_path / "file").read_text() == "precious"
    host.assert_tidy()


def test_zpool_on_a_host_without_zfs(host: Host, serve: Serve) -> None:
    host.environment["PATH"] = "/nowhere"
    if any(Path(place, "zfs").exists() for place in ("/sbin", "/usr/sbin", "/bin", "/usr/bin")):
        pytest.skip("this host has a zfs program")
    done = host.run("import", "-P", "zones", "-S", serve(GOOD).url, GOOD.uuid)
    assert (done.status, done.error()[0]) == (1, "InternalError")
    assert "there is no zfs program on this host; name a directory instead" in done.error()[1]
    host.assert_tidy()


#: Root, but bound to what modes of files allow.
OBEYING = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


@as_root
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
@pytest.mark.parametrize("mode", [0o755, 0o700])
@pytest.mark.parametrize("place", ["pool", "pool/below"])
def test_no_permission(mode: int, place: str, host: Host, serve: Serve) -> None:
    host.pool.mkdir()
    host.pool.chmod(mode)
    os.chown(host.pool, NOBODY, NOBODY)
    host.runner = (*OBEYING, *host.runner)
    pool = host.pool.parent / place
    done = import_into(host, serve, pool)
    assert (done.status, done.error()[0]) == (1, "EACCES")
    assert f'cannot use "{pool}" as a pool: Permission denied' in done.error()[1]
    host.assert_tidy()


@as_root
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
def test_no_permission_for_the_state_directory(host: Host, serve: Serve) -> None:
    host.root.mkdir()
    os.chown(host.root, NOBODY, NOBODY)
    host.runner = (*OBEYING, *host.runner)
    done = import_into(host, serve, host.pool)
    assert (done.status, done.error()[0]) == (1, "EACCES")
    assert str(host.root) in done.error()[1]
    host.assert_tidy()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2.5 MB: room for the file of the image, not for the disk in it."""
    place = tmp_path / "tiny"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2500k", "tmpfs", str(place)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small file system here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@as_root
def test_disk_that_fills_up(tiny_disk: Path, host: Host, serve: Serve) -> None:
    done = import_into(host, serve, tiny_disk)
    assert (done.status, done.error()[0]) == (1, "ENOSPC")
    assert f'no space left for image {GOOD.uuid} in pool "{tiny_disk}"' in done.error()[1]
    assert list(tiny_disk.iterdir()) == []
    host.assert_tidy()


@as_root
def test_disk_that_is_plainly_too_small(tiny_disk: Path, host: Host, serve: Serve) -> None:
    (tiny_disk / "ballast").write_bytes(bytes(2_000_000))
    server = serve(GOOD)
    done = host.run("import", "-P", str(tiny_disk), "-S", server.url, GOOD.uuid)
    assert (done.status, done.error()[0]) == (1, "InternalError")
    assert f"{len(GOOD.data)} bytes are needed at least" in done.error()[1]
    assert f"/images/{GOOD.uuid}/file" not in server.requests
    assert [path.name for path in tiny_disk.iterdir()] == ["ballast"]


@as_root
def test_no_room_for_a_copy_of_the_base(tiny_disk: Path, host: Host, serve: Serve) -> None:
    base, child, _ = chain_of_three("xz")
    server = serve(base, child)
    subprocess.run(["mount", "-o", "remount,size=5000k", str(tiny_disk)], check=True)
    first = host.run("import", "-P", str(tiny_disk), "-S", server.url, base.uuid)
    assert first.status == 0, first
    done = host.run("import", "-P", str(tiny_disk), "-S", server.url, child.uuid)
    assert (done.status, done.error()[0]) == (1, "ENOSPC")
    assert [path.name for path in tiny_disk.iterdir()] == [base.uuid]


def test_file_size_limit(host: Host, serve: Serve) -> None:
    limit = 1 << 20
    done = import_into(
        host,
        serve,
        host.pool,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert (done.status, done.error()[0]) == (1, "EFBIG")
    host.assert_tidy()


def test_base_that_is_no_disk(host: Host, serve: Serve) -> None:
    base = sample_image("fs-full")
    child = sample_image("zvol-incr", origin=base)
    server = serve(base, child)
    assert host.run("import", "-S", server.url, base.uuid).status == 0
    done = host.run("import", "-S", server.url, child.uuid)
    assert (done.status, done.error()[0]) == (1, "InternalError")
    assert f'image "{base.uuid}"' in done.error()[1]
    assert "is not recorded as a disk" in done.error()[1]
    host.assert_tidy(base.uuid)


def test_base_that_is_another_disk(host: Host, serve: Serve) -> None:
    base = sample_image("zvol-128k")
    child = sample_image("zvol-incr", origin=base)
    done = host.run("import", "-S", serve(base, child).url, child.uuid)
    assert (done.status, done.error()[0]) == (1, "InvalidStream")
    assert f"the ZFS stream of image {child.uuid} cannot be received" in done.error()[1]
    host.assert_tidy(base.uuid)


def test_base_whose_disk_is_gone(host: Host, serve: Serve) -> None:
    base, child, _ = chain_of_three()
    server = serve(base, child)
    assert host.run("import", "-S", server.url, base.uuid).status == 0
    host.disk(base.uuid).unlink()
    done = host.run("import", "-S", server.url, child.uuid)
    assert (done.status, done.error()[0]) == (1, "ENOENT")
    assert host.installed() == {base.uuid}
