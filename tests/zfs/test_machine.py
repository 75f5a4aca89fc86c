"""The machine itself: what tests on real ZFS rely on."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from tests.zfsvm import CommandFailed, CommandTimedOut, Session

CHECKOUT = Path(__file__).parents[2]


def test_command_gives_status_and_both_outputs(zfs_host: Session) -> None:
    result = zfs_host.run("echo out; echo err >&2; exit 7")
    assert (result.status, result.stdout, result.stderr) == (7, "out\n", "err\n")


def test_command_that_must_succeed_tells_what_went_wrong(zfs_host: Session) -> None:
    with pytest.raises(CommandFailed, match=r"(?s)status: 1\n.*no-such: dataset does not exist"):
        zfs_host.check("zfs list zones/no-such")


def test_environment_and_directory_are_the_ones_given(zfs_host: Session) -> None:
    shown = zfs_host.check('pwd; echo "$WORDS"', cwd="/usr/share", env={"WORDS": "it's two"})
    assert shown == "/usr/share\nit's two\n"


def test_command_that_takes_too_long_is_killed_with_its_children(zfs_host: Session) -> None:
    with pytest.raises(CommandTimedOut, match=r"(?s)not done after 1 s.*\nbegun"):
        zfs_host.run("echo begun; sleep 4321 & sleep 4321", timeout=1)
    assert zfs_host.run("pgrep --full 'sleep 4321'").stdout == ""


def test_kernel_has_a_pool_and_is_not_the_hosts(zfs_host: Session) -> None:
    assert zfs_host.check("zpool list -H -o health zones") == "ONLINE\n"
    assert "zfs-kmod" in zfs_host.check("zfs version")
    assert zfs_host.check("cat /proc/sys/kernel/random/boot_id") != Path(
        "/proc/sys/kernel/random/boot_id"
    ).read_text()


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
    assert result.stdout.split() == [sys.executable, str(CHECKOUT / "imgadm/__init__.py")]


def test_server_in_the_guest_serves_a_receive_that_is_killed_and_run_again(
    zones: Session,
) -> None:
    zones.check("zfs create -V 32M zones/source && zfs snapshot zones/source@final")
    zones.check("dd if=/dev/urandom of=/dev/zd0 bs=1M count=16 && zfs snapshot zones/source@new")
    zones.check("mkdir -p /root/site && zfs send zones/source@new >/root/site/stream")
    serve = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "8080"]
    server = zones.start(shlex.join(serve), cwd="/root/site")
    fetch = "curl --silent --show-error --retry 20 --retry-connrefused --retry-delay 1"
    url = "http://127.0.0.1:8080/stream"

    half_way = zones.start(f"{fetch} --limit-rate 1M {url} | zfs receive zones/copy@new")
    zones.check("until zfs list zones/copy/%recv 2>/dev/null; do sleep 0.1; done")
    half_way.signal("KILL")
    assert half_way.wait(timeout=30).status == 137
