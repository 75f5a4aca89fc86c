"""One directory pool under several state directories: of other hosts, containers, users."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imgadm.base.locks.locks import image_lock
from tests.disks import boot_sector
from tests.planted import AS_NOBODY, NOBODY, can_be_nobody, reachable_directory

from .conftest import Serve
from .host import Host, Running, sha256, wait_until
from .images import chain_of_three, disk_sha256, sample_image
from .server import Server, serve_bytes, stall_after

GOOD = sample_image("zvol-full")
FILE = f"/images/{GOOD.uuid}/file"


@contextmanager
def host_with(pool: Path, directory: Path) -> Iterator[Host]:
    """A host with a state directory of its own, and the pool of another."""
    made = Host(directory)
    made.pool = pool
    made.environment["IMGADM_POOL"] = str(pool)
    yield made
    made.end()


@pytest.fixture
def other(host: Host, tmp_path: Path) -> Iterator[Host]:
    with host_with(host.pool, tmp_path / "other") as made:
        yield made


def start_and_wait_for_half(host: Host, server: Server) -> Running:
    running = host.start("import", "-S", server.url, GOOD.uuid)
    wait_until(lambda: any((path / "disk.raw").exists() for path in host.partials(GOOD.uuid)))
    wait_until(lambda: FILE in server.requests)
    return running


def wait_for_the_lock(running: Running) -> None:
    assert running.process.stdout is not None
    while "import lock" not in running.process.stdout.readline():
        assert running.process.poll() is None


def test_the_second_host_waits_for_the_first(
    host: Host, other: Host, stalling: Server, released: threading.Event
) -> None:
    first = start_and_wait_for_half(host, stalling)
    refused = other.run("import", "--no-wait", "-S", stalling.url, GOOD.uuid)
    assert refused.error()[0] == "Locked"
    assert f"pid {first.process.pid}" in refused.error()[1]
    second = other.start("import", "-S", stalling.url, GOOD.uuid)
    wait_for_the_lock(second)
    released.set()
    assert first.finish().status == 0
    done = second.finish()
    assert (done.status, done.stderr) == (0, "")
    assert "was imported while waiting on lock" in done.stdout
    assert sha256(host.disk(GOOD.uuid)) == disk_sha256("zvol-full")
    host.assert_tidy(GOOD.uuid)
    other.assert_tidy(GOOD.uuid)


def test_what_a_killed_host_left_is_removed_by_another(
    host: Host, other: Host, stalling: Server
) -> None:
    first = start_and_wait_for_half(host, stalling)
    first.process.kill()
    first.finish()
    done = other.run("import", "--no-wait", "-S", stalling.url, GOOD.uuid)
    assert (done.status, done.stderr) == (0, "")
    other.assert_tidy(GOOD.uuid)


@pytest.mark.parametrize("words", [("delete",), ("vacuum", "-f")])
def test_another_host_does_not_take_the_base_away(
    words: tuple[str, ...], host: Host, other: Host, serve: Serve, released: threading.Event
) -> None:
    base, child, _ = chain_of_three()
    file = f"/images/{child.uuid}/file"
    first = stall_after(len(child.data) // 2, child.data, released)
    server = serve(base, child, special={file: [first, serve_bytes(child.data)]})
    assert host.run("import", "-S", server.url, base.uuid).status == 0
    importing = host.start("import", "-S", server.url, child.uuid)
    wait_until(lambda: file in server.requests)
    images = (base.uuid,) if words == ("delete",) else ()
    refused = other.run(*words, "--no-wait", *images)
    assert refused.error()[0] == "Locked"
    released.set()
    assert importing.finish().status == 0
    assert sha256(host.disk(child.uuid)) == disk_sha256("zvol-incr")
    host.assert_tidy(base.uuid, child.uuid)


needs_nobody = pytest.mark.skipif(not can_be_nobody(), reason="needs root, and setpriv")


@pytest.fixture
def place() -> Iterator[Path]:
    with reachable_directory() as directory:
        yield directory


@pytest.fixture
def user(place: Path) -> Iterator[Host]:
    """A host where the program runs as nobody, whose is also the pool."""
    made = Host(place / "user")
    made.pool.mkdir()
    for path in (place / "user", made.pool, made.temporary):
        os.chown(path, NOBODY, NOBODY)
    made.runner = (*AS_NOBODY, *made.runner)
    yield made
    made.end()


@pytest.fixture
def root(user: Host, place: Path) -> Iterator[Host]:
    with host_with(user.pool, place / "root") as made:
        yield made


@needs_nobody
@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_root_and_a_user_take_turns(
    mode: int, root: Host, user: Host, stalling: Server, released: threading.Event
) -> None:
    user.pool.chmod(mode)
    first = start_and_wait_for_half(root, stalling)
    second = user.start("import", "-S", stalling.url, GOOD.uuid)
    wait_for_the_lock(second)
    released.set()
    assert first.finish().status == 0
    done = second.finish()
    assert done.status == 0
    said = f'image {GOOD.uuid} in \\"{root.pool}\\" belongs to user 0, and you may not read it'
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert "error (EACCES)" in user.run("delete", GOOD.uuid).stderr
    assert sha256(root.disk(GOOD.uuid)) == disk_sha256("zvol-full")
    root.assert_tidy(GOOD.uuid)


@needs_nobody
def test_images_that_a_user_may_not_read(root: Host, user: Host, serve: Serve) -> None:
    base, child, _ = chain_of_three()
    server = serve(base, child, GOOD)
    assert root.run("import", "-S", server.url, child.uuid).status == 0
    listed = user.run("list", "-H", "-o", "uuid")
    assert set(listed.lines) == {base.uuid, child.uuid}
    assert listed.stderr.count("\n") == 1
    assert "2 images in" in listed.stderr
    again = user.run("import", "-S", server.url, base.uuid)
    assert (again.status, again.stderr.count("\n")) == (0, 1)
    assert "is already installed" in again.stdout
    disk = user.temporary / "disk"
    disk.write_bytes(boot_sector(128).ljust(65536, b"x"))
    image = ("create", "--disk", str(disk), "-i", f"origin={base.uuid}", "name=n", "version=1")
    refused = user.run(*image, "os=linux", "-o", str(user.temporary))
    assert f'error (EACCES): cannot read the disk of image "{base.uuid}"' in refused.stderr


@needs_nobody
def test_a_base_of_an_image_that_its_owner_may_not_read(
    root: Host, user: Host, serve: Serve
) -> None:
    base, child, _ = chain_of_three()
    server = serve(base, child)
    assert user.run("import", "-S", server.url, base.uuid).status == 0
    assert root.run("import", "-S", server.url, child.uuid).status == 0
    refused = user.run("delete", base.uuid)
    assert refused.status == 1
    assert f'{child.uuid}" is based on image "{base.uuid}"' in refused.stderr
    kept = user.run("vacuum", "-f")
    assert kept.status == 0
    assert "which you may not read, may be based on it" in kept.stderr
    root.assert_tidy(base.uuid, child.uuid)
    os.chown(root.pool / child.uuid, 7, 7)  # who can't read the base
    assert user.run("delete", base.uuid).status == 0


@pytest.mark.parametrize("words", [("delete", GOOD.uuid), ("vacuum", "-f")])
def test_what_a_killed_process_left_of_an_image_goes(words: tuple[str, ...], host: Host) -> None:
    busy = sample_image("zvol-embedded").uuid
    host.pool.mkdir()
    for name in (f"{GOOD.uuid}.0123abcd.partial", f"{GOOD.uuid}.partial", f"{busy}.partial"):
        (host.pool / name).mkdir()
        (host.pool / name / "disk.raw").write_text("half")
    (host.pool / f".{GOOD.uuid}.lock").touch(0o600)
    with image_lock(host.root / "locks", busy, command="a test", pool=host.pool):
        done = host.run(*words)
        assert done.status == (3 if "delete" in words else 0)
        left = {path.name for path in host.pool.iterdir()}
        assert left == {f"{busy}.partial", f".{busy}.lock"}
    host.run("vacuum", "-f")
    assert list(host.pool.iterdir()) == []


OVERLAY = """
mkdir -p over/upper over/merged
mount -t tmpfs none over/upper && mkdir over/upper/u over/upper/w &&
mount -t overlay none -o lowerdir="$1",upperdir=over/upper/u,workdir=over/upper/w over/merged &&
echo mounted || exit 1
shift
"$@"
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="mounts an overlay")
def test_an_image_in_a_lower_layer_of_an_overlay(host: Host, serve: Serve) -> None:
    """What has come with the image of a container; the kernel renames no directory of it."""
    assert host.run("import", "-S", serve(GOOD).url, GOOD.uuid).status == 0
    above = host.pool.parent
    program = host.runner
    host.runner = ("unshare", "--mount", "sh", "-c", OVERLAY, "sh", str(host.pool), *program)
    deleted = host.run("delete", "-P", "over/merged", GOOD.uuid, cwd=above)
    if deleted.lines[:1] != ["mounted"]:
        pytest.skip("no overlay can be mounted here")
    assert (deleted.status, deleted.stderr) == (0, "")
    host.runner = program
    host.assert_tidy(GOOD.uuid)  # the lower layer is as it was


@needs_nobody
def test_who_may_read_the_images_of_root(root: Host, user: Host, serve: Serve) -> None:
    """What docs/how-to/directory-pools.md says of the group of a hypervisor."""
    os.chown(root.pool, 0, 0)
    (root.pool / "pool.json").write_text(json.dumps({"mode": "0640", "group": NOBODY}))
    (root.pool / "pool.json").chmod(0o644)
    server = serve(GOOD)
    assert root.run("import", "-S", server.url, GOOD.uuid).status == 0
    shown = user.run("get", GOOD.uuid)
    assert (shown.status, shown.stderr) == (0, "")
    image = ("create", "--disk", str(root.disk(GOOD.uuid)), "-i", f"origin={GOOD.uuid}")
    made = user.run(*image, "name=n", "version=1", "os=linux", "-o", str(user.temporary))
    assert (made.status, made.stderr) == (0, "")
    refused = user.run("delete", GOOD.uuid)
    assert refused.error()[0] == "EACCES"
    assert "make it a directory that you may write to" in refused.error()[1]


@needs_nobody
def test_a_read_only_pool_says_so(root: Host, user: Host, serve: Serve) -> None:
    os.chown(root.pool, 0, 0)
    refused = user.run("import", "-S", serve(GOOD).url, GOOD.uuid)
    assert refused.error()[0] == "EACCES"
    assert list(root.pool.iterdir()) == []


@needs_nobody
def test_an_image_that_is_made_where_others_may_write(root: Host, place: Path) -> None:
    """Nothing that somebody has planted there is written to, or becomes the image."""
    shared = place / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    precious = place / "precious"
    precious.write_text("precious")
    names = ("n-1.zvol", "n-1.imgmanifest")
    for name in names:
        (shared / f"{name}.partial").symlink_to(precious)
    theirs = shared / "n-1.zvol.0123abcd.partial"
    theirs.write_text("theirs")
    os.chown(theirs, NOBODY, NOBODY)
    disk = place / "disk"
    disk.write_bytes(boot_sector(128).ljust(65536, b"x"))
    made = root.run(
        *("create", "--disk", str(disk), "name=n", "version=1", "os=linux", "-o", str(shared)),
        cwd=place,
    )
    assert (made.status, made.stderr) == (0, "")
    for name in names:
        status = (shared / name).lstat()
        assert (status.st_uid, status.st_nlink) == (0, 1)
        assert not (shared / name).is_symlink()
    assert precious.read_text() == "precious"
    assert theirs.read_text() == "theirs"
    assert len(list(shared.iterdir())) == 5


@needs_nobody
def test_a_link_of_somebody_else_to_where_an_image_is_to_go(root: Host, place: Path) -> None:
    shared = place / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (place / "private").mkdir()
    (shared / "out").symlink_to("../private")
    os.chown(shared / "out", NOBODY, NOBODY, follow_symlinks=False)
    disk = place / "disk"
    disk.write_bytes(boot_sector(128).ljust(65536, b"x"))
    made = root.run(
        *("create", "--disk", str(disk), "name=n", "version=1", "os=linux"),
        *("-o", str(shared / "out")),
    )
    assert made.error()[0] == "EACCES"
    assert "is a symbolic link of user" in made.error()[1]
    assert list((place / "private").iterdir()) == []


def test_an_image_does_not_go_to_a_device(host: Host) -> None:
    disk = host.temporary / "disk"
    disk.write_bytes(boot_sector(128).ljust(65536, b"x"))
    image = ("create", "--disk", str(disk), "name=n", "version=1", "os=linux")
    for place in ("/dev/null", "/dev/stdout"):
        made = host.run(*image, "-o", place)
        assert (made.status, made.error()[0]) == (2, "Usage")
        assert not Path(f"{place}.imgmanifest").exists()
