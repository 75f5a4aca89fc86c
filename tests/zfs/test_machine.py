"""The machine itself: what tests on real ZFS rely on."""

from __future__ import annotations

import shlex
import signal
import sys
import tempfile
import threading
from pathlib import Path

import pytest

import imgadm
from tests.stands.zfsvm import (
    CommandError,
    CommandTimeoutError,
    Machine,
    MachineError,
    Session,
    volume_device,
    volume_sha256,
)


def test_command_gives_status_and_both_outputs(zfs_host: Session) -> None:
    result = zfs_host.run("echo out; echo err >&2; exit 7")
    assert (result.status, result.stdout, result.stderr) == (7, "out\n", "err\n")


def test_command_that_must_succeed_tells_what_went_wrong(zfs_host: Session) -> None:
    with pytest.raises(CommandError, match=r"(?s)status: 1\n.*no-such': dataset does not exist"):
        zfs_host.check("zfs list zones/no-such")


def test_environment_and_directory_are_the_ones_given(zfs_host: Session) -> None:
    shown = zfs_host.check('pwd; echo "$WORDS"', cwd="/usr/share", env={"WORDS": "it's two"})
    assert shown == "/usr/share\nit's two\n"


def test_command_that_takes_too_long_is_killed_with_its_children(zfs_host: Session) -> None:
    with pytest.raises(CommandTimeoutError, match=r"(?s)not done after 1 s.*\nbegun"):
        zfs_host.run("echo begun; sleep 4321 & sleep 4321", timeout=1)
    assert zfs_host.run("pgrep --full 'sleep 4321'").stdout == ""


def test_kernel_has_a_pool_and_is_not_the_hosts(zfs_host: Session) -> None:
    assert zfs_host.check("zpool list -H -o health zones") == "ONLINE\n"
    assert "zfs-kmod" in zfs_host.check("zfs version")
    assert (
        zfs_host.check("cat /proc/sys/kernel/random/boot_id")
        != Path("/proc/sys/kernel/random/boot_id").read_text()
    )


def test_guest_sees_the_hosts_files_and_cannot_change_them(zfs_host: Session) -> None:
    here = Path(__file__)
    before = here.read_bytes()
    zfs_host.check(f"cp {here} /root/kept && echo changed >{here} && cp /root/kept {here}.copy")
    assert zfs_host.check(f"cat {here}") == "changed\n"
    assert here.read_bytes() == before
    assert not Path(f"{here}.copy").exists()
    zfs_host.check(f"cp /root/kept {here} && rm {here}.copy")


def test_exchange_carries_files_both_ways_as_they_change(zfs_host: Session) -> None:
    shared = zfs_host.exchange / "shared"
    for text in ("first", "second, longer"):
        shared.write_text(text)
        assert zfs_host.check(f"cat {shared}") == text
        zfs_host.check(f"tr a-z A-Z <{shared} >{shared}.reply")
        assert Path(f"{shared}.reply").read_text() == text.upper()


def test_python_and_the_checkout_are_at_hand(zfs_host: Session) -> None:
    result = zfs_host.python("-c", "import imgadm, sys; print(sys.executable, imgadm.__file__)")
    assert result.stdout.split() == [sys.executable, imgadm.__file__]


def test_machine_that_cannot_boot_says_why_and_leaves_nothing(zfs_host: Session) -> None:
    before = traces()
    with pytest.raises(MachineError, match=r"ended while it booted\n"), Machine(memory_mib=32):
        pass
    assert traces() == before


def traces() -> tuple[set[str], set[Path]]:
    """What machines show on the host: child processes of this one, and directories."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    return set(children), set(Path(tempfile.gettempdir()).glob("imgadm-zfsvm-*"))


def test_receive_of_a_served_stream_is_killed_half_way_and_runs_again(zones: Session) -> None:
    zones.check("zfs create -s -V 8M zones/source")
    device = volume_device(zones, "zones/source")
    zones.check(f"dd if=/dev/urandom of={device} bs=1M count=4 conv=fsync status=none")
    zones.check("zfs snapshot zones/source@final && zfs send zones/source@final >/run/stream")
    serve = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "8080"]
    server = zones.start(f"exec {shlex.join(serve)}", cwd="/run")
    url = "http://127.0.0.1:8080/stream"
    zones.check(f"until curl -sI {url}; do sleep 0.2; done", timeout=120)

    stalled = f"curl -sS {url} | (head --bytes=2M; sleep 1000)"
    half_way = zones.start(f"{stalled} | zfs receive zones/copy@final")
    zones.check("until zfs list zones/copy; do sleep 0.2; done")
    half_way.signal("KILL")
    assert half_way.wait(timeout=30).status == 128 + signal.SIGKILL
    assert zones.run("zfs list zones/copy").status == 1

    zones.check(f"curl -sS {url} | zfs receive zones/copy@final")
    server.signal("TERM")
    assert server.wait(timeout=30).status == 128 + signal.SIGTERM
    assert volume_sha256(zones, "zones/copy") == volume_sha256(zones, "zones/source")
