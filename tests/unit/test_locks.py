"""Locks between processes and threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from imgadm.errors import FileSystemError, LockedError
from imgadm.locks import Holder, image_lock, state_lock

UUID = "01b2c898-945f-11e1-a523-af1afbe22822"

HOLD = """
import pathlib, sys
from imgadm.locks import image_lock
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
    assert lock_file(tmp_path / "locks").stat().st_mode & 0o777 == 0o644


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


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    lock_file(tmp_path).symlink_to("precious")
    with (
        pytest.raises(FileSystemError, match="cannot open lock file"),
        image_lock(tmp_path, UUID, command="x"),
    ):
        pass
    assert (tmp_path / "precious").read_bytes() == b"precious"


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
