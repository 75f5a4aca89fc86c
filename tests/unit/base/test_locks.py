"""Locks between processes and threads."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from imgadm.base.errors import FileSystemError, LockedError
from imgadm.base.locks.holder import Holder
from imgadm.base.locks.locks import image_lock, remove_dead_locks, state_lock
from tests.planted import (
    NOBODY,
    can_be_nobody,
    plant_dangling_link,
    plant_directory,
    plant_hard_link,
    plant_link,
    plant_pipe,
    reachable_directory,
    run_as_nobody,
)

UUID = "01b2c898-945f-11e1-a523-af1afbe22822"

HOLD = """
import pathlib, sys
from imgadm.base.locks.locks import image_lock
with image_lock(pathlib.Path(sys.argv[1]), sys.argv[2], command="imgadm import X", {options}):
    print("held", flush=True)
    sys.stdin.read()
"""


class OtherProcess:
    """Holds the lock of the image until it is told, or made, to end."""

    def __init__(self, directory: Path, options: str = "") -> None:
        command = [sys.executable, "-c", HOLD.format(options=options), str(directory), UUID]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"held\n"

    def release(self) -> None:
        self.process.communicate(timeout=30)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=30)


TRY = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"


def is_free(directory: Path) -> bool:
    """Whether another process could take the lock, as the original tool would."""
    command = [sys.executable, "-c", TRY, str(lock_file(directory))]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0 or "BlockingIOError" in result.stderr
    return result.returncode == 0


def open_descriptors() -> set[int]:
    return {number for number in range(256) if is_open(number)}


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def lock_file(directory: Path) -> Path:
    return directory / f"img.{UUID}.import.lock"


def test_the_file_stays_and_is_empty_afterwards(tmp_path: Path) -> None:
    with image_lock(tmp_path / "locks", UUID, command="imgadm delete X"):
        content = lock_file(tmp_path / "locks").read_text()
        assert f'"pid": {os.getpid()}' in content
        assert "imgadm delete X" in content
    assert lock_file(tmp_path / "locks").read_bytes() == b""


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_nobody_else_can_open_it(umask: int, tmp_path: Path) -> None:
    """Who can open it for reading can hold a shared lock."""
    before = os.umask(umask)
    try:
        with image_lock(tmp_path, UUID, command="x"), state_lock(tmp_path, command="x"):
            pass
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o7777 for path in tmp_path.iterdir()} == {0o600}


def test_a_lock_of_an_earlier_version_is_closed_to_others(tmp_path: Path) -> None:
    lock_file(tmp_path).touch(0o644)
    with image_lock(tmp_path, UUID, command="x"):
        assert lock_file(tmp_path).stat().st_mode & 0o7777 == 0o600


def test_without_waiting_the_holder_is_named(tmp_path: Path) -> None:
    other = OtherProcess(tmp_path)
    with pytest.raises(LockedError) as caught, image_lock(tmp_path, UUID, command="x", wait=False):
        pytest.fail("two hold the lock")
    other.release()
    assert f'locked by "imgadm import X" (pid {other.process.pid}, since ' in caught.value.message
    with image_lock(tmp_path, UUID, command="x", wait=False):
        pass


@pytest.mark.parametrize("end", [OtherProcess.release, OtherProcess.kill])
def test_a_waiter_is_told_and_gets_the_lock(tmp_path: Path, end: object) -> None:
    other = OtherProcess(tmp_path)
    told: list[Holder | None] = []

    def on_wait(holder: Holder | None) -> None:
        told.append(holder)
        end(other)  # type: ignore[operator]

    with image_lock(tmp_path, UUID, command="y", on_wait=on_wait):
        assert f'"pid": {os.getpid()}' in lock_file(tmp_path).read_text()
    assert [(holder.pid, holder.command) for holder in told if holder] == [
        (other.process.pid, "imgadm import X")
    ]


def test_a_lock_that_is_free_soon_is_no_news(tmp_path: Path) -> None:
    other = OtherProcess(tmp_path)
    releasing = threading.Timer(0.2, other.release)
    releasing.start()
    with image_lock(tmp_path, UUID, command="y", on_wait=lambda _: pytest.fail("told")):
        pass
    releasing.join()


def test_what_a_killed_holder_wrote_is_not_in_the_way(tmp_path: Path) -> None:
    OtherProcess(tmp_path).kill()
    assert lock_file(tmp_path).read_bytes() != b""
    with image_lock(tmp_path, UUID, command="y", wait=False):
        pass


def test_a_holder_that_wrote_nothing(tmp_path: Path) -> None:
    """The original tool holds the same lock and does not say who it is."""
    script = (
        "import fcntl, sys; f = open(sys.argv[1], 'w+'); fcntl.lockf(f, fcntl.LOCK_EX);"
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(lock_file(tmp_path))]
    original = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert original.stdout is not None
    original.stdout.readline()
    with (
        pytest.raises(LockedError, match="is locked by another process"),
        image_lock(tmp_path, UUID, command="x", wait=False),
    ):
        pytest.fail("two hold the lock")
    original.communicate(timeout=30)


def test_our_lock_is_what_the_original_sees(tmp_path: Path) -> None:
    with image_lock(tmp_path, UUID, command="x"):
        assert not is_free(tmp_path)
    assert is_free(tmp_path)


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    inside = 0
    most = 0
    told: list[Holder | None] = []
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with image_lock(tmp_path, UUID, command="t", on_wait=told.append):
                with guard:
                    inside += 1
                    most = max(most, inside)
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_thread_does_not_get_what_another_has(tmp_path: Path) -> None:
    caught: list[BaseException] = []

    def intrude() -> None:
        try:
            with image_lock(tmp_path, UUID, command="t", wait=False):
                pass
        except LockedError as error:
            caught.append(error)

    with image_lock(tmp_path, UUID, command="x"):
        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()
        # Closing any descriptor of the file would have dropped the lock of the whole process.
        assert not is_free(tmp_path)
    assert len(caught) == 1


def test_locks_of_other_images_are_free(tmp_path: Path) -> None:
    with (
        image_lock(tmp_path, UUID, command="x"),
        image_lock(tmp_path, UUID.replace("0", "f"), command="x", wait=False),
        state_lock(tmp_path, command="x"),
    ):
        names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 3


def test_an_error_inside_releases(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), image_lock(tmp_path, UUID, command="x"):
        raise RuntimeError
    with image_lock(tmp_path, UUID, command="x", wait=False):
        pass


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    before = open_descriptors()
    with image_lock(tmp_path, UUID, command="x"):
        pass
    other = OtherProcess(tmp_path)
    with pytest.raises(LockedError), image_lock(tmp_path, UUID, command="x", wait=False):
        pass
    other.release()
    assert open_descriptors() == before


def test_a_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileSystemError), image_lock(tmp_path / "file", UUID, command="x"):
        pass


@pytest.mark.parametrize(
    ("plant", "reason"),
    [
        (plant_link, "a symbolic link"),
        (plant_dangling_link, "a symbolic link"),
        (plant_hard_link, "the file has other names"),
        (plant_pipe, "a named pipe"),
        (plant_directory, "[Dd]irectory"),
    ],
)
@pytest.mark.parametrize("in_pool", [False, True])
def test_what_is_planted_in_the_place_of_a_lock(
    plant: Callable[[Path], None], reason: str, in_pool: bool, tmp_path: Path
) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    pool = tmp_path if in_pool else None
    plant(tmp_path / f".{UUID}.lock" if in_pool else lock_file(tmp_path))
    with (
        pytest.raises(FileSystemError, match=f"cannot open lock file .*{reason}"),
        image_lock(tmp_path / "locks" if in_pool else tmp_path, UUID, command="x", pool=pool),
    ):
        pytest.fail("taken for a lock")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "not-there").exists()


def test_shared_locks_exclude_only_the_others(tmp_path: Path) -> None:
    sharing = OtherProcess(tmp_path, "shared=True")
    with image_lock(tmp_path, UUID, command="x", wait=False, shared=True):
        assert not is_free(tmp_path)
    assert not is_free(tmp_path)
    with (
        pytest.raises(LockedError, match=f"pid {sharing.process.pid}|another process"),
        image_lock(tmp_path, UUID, command="x", wait=False),
    ):
        pass
    sharing.release()
    assert is_free(tmp_path)


def test_shared_lock_waits_for_an_exclusive_one(tmp_path: Path) -> None:
    other = OtherProcess(tmp_path)
    with (
        pytest.raises(LockedError, match=f"pid {other.process.pid}"),
        image_lock(tmp_path, UUID, command="x", wait=False, shared=True),
    ):
        pass
    other.release()
    with image_lock(tmp_path, UUID, command="x", wait=False, shared=True):
        pass


class OfAnotherHost(OtherProcess):
    """Holds the lock of the image in ``pool``, with a lock directory of its own."""

    def __init__(self, locks: Path, pool: Path, options: str = "") -> None:
        super().__init__(locks, f"pool=pathlib.Path({str(pool)!r}), {options}")


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    (tmp_path / "pool").mkdir()
    return tmp_path / "pool"


def test_hosts_exclude_each_other_in_a_pool(tmp_path: Path, pool: Path) -> None:
    other = OfAnotherHost(tmp_path / "theirs", pool)
    with (
        pytest.raises(LockedError, match=f"pid {other.process.pid}, since"),
        image_lock(tmp_path / "ours", UUID, command="x", wait=False, pool=pool),
    ):
        pytest.fail("two hold the lock")
    other.release()
    assert list(pool.iterdir()) == []
    with image_lock(tmp_path / "ours", UUID, command="x", wait=False, pool=pool):
        assert [path.name for path in pool.iterdir()] == [f".{UUID}.lock"]
    assert list(pool.iterdir()) == []


@pytest.mark.parametrize("end", [OtherProcess.release, OtherProcess.kill])
def test_a_waiter_in_a_pool_gets_the_lock_that_others_find(
    tmp_path: Path, pool: Path, end: Callable[[OtherProcess], None]
) -> None:
    other = OfAnotherHost(tmp_path / "theirs", pool)
    with image_lock(tmp_path, UUID, command="y", pool=pool, on_wait=lambda _: end(other)):
        command = [sys.executable, "-c", TRY, str(pool / f".{UUID}.lock")]
        third = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "BlockingIOError" in third.stderr
    assert list(pool.iterdir()) == []


def test_one_of_two_that_share_a_lock_leaves_it_to_the_other(tmp_path: Path, pool: Path) -> None:
    sharing = OfAnotherHost(tmp_path / "theirs", pool, "shared=True")
    with image_lock(tmp_path, UUID, command="x", wait=False, shared=True, pool=pool):
        pass
    with (
        pytest.raises(LockedError),
        image_lock(tmp_path, UUID, command="x", wait=False, pool=pool),
    ):
        pytest.fail("locked for one and for others")
    sharing.release()
    with image_lock(tmp_path, UUID, command="x", wait=False, pool=pool):
        pass
    assert list(pool.iterdir()) == []


def test_many_hosts_take_turns_in_a_pool(tmp_path: Path, pool: Path) -> None:
    """Each adds one to a number that it has read under the lock."""
    number = tmp_path / "number"
    number.write_text("0")
    script = (
        "import pathlib, sys\n"
        "from imgadm.base.locks.locks import image_lock\n"
        "locks, pool, number = map(pathlib.Path, sys.argv[1:4])\n"
        "for _ in range(40):\n"
        "    with image_lock(locks, sys.argv[4], command='x', pool=pool):\n"
        "        number.write_text(str(int(number.read_text()) + 1))\n"
    )
    hosts = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / str(host)), str(pool), str(number), UUID]
        )
        for host in range(3)
    ]
    assert [host.wait() for host in hosts] == [0, 0, 0]
    assert number.read_text() == "120"
    assert list(pool.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks(
    number: int, tmp_path: Path, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, mode: int) -> None:
        if os.fstat(descriptor).st_ino == (pool / f".{UUID}.lock").stat().st_ino:
            raise OSError(number, os.strerror(number))

    (pool / f".{UUID}.lock").touch()
    monkeypatch.setattr("fcntl.lockf", refuse)
    with (
        pytest.raises(FileSystemError, match="its file system has no locks .*; mount it") as caught,
        image_lock(tmp_path, UUID, command="x", pool=pool),
    ):
        pytest.fail("taken for locked")
    assert caught.value.code == errno.errorcode[number]


def test_a_file_that_was_about_to_be_removed(tmp_path: Path, pool: Path) -> None:
    (pool / f".{UUID}.lock").write_bytes(b"removed\n")
    with image_lock(tmp_path, UUID, command="x", wait=False, pool=pool):
        assert f'"pid": {os.getpid()}' in (pool / f".{UUID}.lock").read_text()
    assert list(pool.iterdir()) == []


def test_what_killed_holders_left_is_removed_by_holders_of_other_locks(
    tmp_path: Path, pool: Path
) -> None:
    OfAnotherHost(tmp_path / "theirs", pool).kill()
    living = OfAnotherHost(tmp_path / "third", pool, "shared=True")
    others = [f".{UUID[:-1]}{digit}.lock" for digit in "abc"]
    (pool / others[0]).touch()
    (pool / others[1]).symlink_to("precious")
    (pool / "precious.lock").touch()
    with image_lock(tmp_path, UUID[:-1] + "c", command="x", pool=pool):
        remove_dead_locks(pool)
        names = {path.name for path in pool.iterdir()}
        assert names == {f".{UUID}.lock", *others[1:], "precious.lock"}
        command = [sys.executable, "-c", TRY, str(pool / others[2])]
        third = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "BlockingIOError" in third.stderr, "our own lock has been dropped"
    living.release()


needs_nobody = pytest.mark.skipif(not can_be_nobody(), reason="needs root, and setpriv")


@needs_nobody
@pytest.mark.parametrize(
    ("mode", "owner", "lock_mode", "lock_owner"),
    [
        (0o755, 0, 0o600, 0),
        (0o755, NOBODY, 0o600, NOBODY),  # whose pool it is must be able to take its locks
        (0o2775, NOBODY, 0o660, NOBODY),
        (0o1777, 0, 0o666, 0),
    ],
)
@pytest.mark.parametrize("umask", [0, 0o077])
def test_who_may_write_to_a_pool_may_lock_its_images(
    mode: int, owner: int, lock_mode: int, lock_owner: int, umask: int, tmp_path: Path, pool: Path
) -> None:
    os.chown(pool, owner, owner)
    pool.chmod(mode)
    before = os.umask(umask)
    try:
        with image_lock(tmp_path, UUID, command="x", pool=pool):
            status = (pool / f".{UUID}.lock").stat()
    finally:
        os.umask(before)
    assert (status.st_mode & 0o7777, status.st_uid) == (lock_mode, lock_owner)


@needs_nobody
def test_nobody_cannot_stop_root() -> None:
    with reachable_directory() as place:
        files = (lock_file(place), place / f".{UUID}.lock")
        with image_lock(place, UUID, command="x", pool=place):
            for file in files:
                opening = run_as_nobody("-c", f"open({str(file)!r})")
                assert "PermissionError" in opening.stderr


READER = """
import pathlib, sys
from imgadm.base.errors import FileSystemError
from imgadm.base.locks.locks import image_lock
locks, pool, uuid = *map(pathlib.Path, sys.argv[1:3]), sys.argv[3]
with image_lock(locks, uuid, command="x", shared=True, pool=pool):
    print("read")
try:
    with image_lock(locks, uuid, command="x", pool=pool):
        print("changed")
except FileSystemError as error:
    print(error.code)
"""


@needs_nobody
def test_a_reader_of_a_pool_needs_no_lock_in_it() -> None:
    with reachable_directory() as place:
        (place / "locks").mkdir()
        os.chown(place / "locks", NOBODY, NOBODY)
        (place / "pool").mkdir(0o755)
        run = run_as_nobody("-c", READER, str(place / "locks"), str(place / "pool"), UUID)
    assert (run.stdout.split(), run.stderr) == (["read", "EACCES"], "")


SHARING = """
import pathlib, sys
from imgadm.base.locks.locks import image_lock
locks, pool, uuid = *map(pathlib.Path, sys.argv[1:3]), sys.argv[3]
with image_lock(locks, uuid, command="theirs", pool=pool, wait=False):
    print("held")
"""


@needs_nobody
@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_root_and_a_user_share_a_pool(mode: int) -> None:
    with reachable_directory() as place:
        for name in ("locks", "pool"):
            (place / name).mkdir()
            os.chown(place / name, NOBODY, NOBODY)
        (place / "pool").chmod(mode)
        arguments = ("-c", SHARING, str(place / "locks"), str(place / "pool"), UUID)
        with image_lock(place / "root", UUID, command="root's", pool=place / "pool"):
            assert 'is locked by "root\'s"' in run_as_nobody(*arguments).stderr
        assert run_as_nobody(*arguments).stdout == "held\n"
        assert list((place / "pool").iterdir()) == []
