"""A state directory that is locked, full, not ours, or none: one line, and nothing is lost."""

from __future__ import annotations

import fcntl
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imgadm.base.locks.locks import state_lock
from tests.python_path import PYTHON_PATH

UUID = "01b2c898-945f-11e1-a523-af1afbe22822"
SOURCE = "https://images.example.com/with/a/long/path"
ADD = ("sources", "-f", "-a", SOURCE)
CONFIGURATION = {"upgradedToVer": "3.0.0", "sources": [{"type": "imgapi", "url": "http://a"}]}
NOBODY = 65534

#: Root, but bound to what modes of files allow; others are anyway.
OBEYING = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
obeys_modes = pytest.mark.skipif(
    os.getuid() == 0 and shutil.which("setpriv") is None, reason="needs setpriv, or another user"
)


class State:
    """The state directory ``root``, with a configuration, and the program that works on it."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "root"
        self.root.mkdir()
        self.configuration = self.root / "imgadm.conf"
        self.configuration.write_text(json.dumps(CONFIGURATION))
        self.runner: tuple[str, ...] = (sys.executable, "-m", "imgadm")
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": PYTHON_PATH,
            "PYTHONSAFEPATH": "1",
            "IMGADM_ROOT": str(self.root),
            "IMGADM_POOL": str(directory / "pool"),
        }

    def start(
        self, *words: str, preexec: Callable[[], None] | None = None
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.runner, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=preexec,
        )

    def run(self, *words: str, preexec: Callable[[], None] | None = None) -> tuple[int, str, str]:
        """Exit status, stdout, and stderr without its last newline."""
        process = self.start(*words, preexec=preexec)
        stdout, stderr = process.communicate(timeout=60)
        return process.returncode, stdout, stderr.removesuffix("\n")

    def assert_untouched(self) -> None:
        assert json.loads(self.configuration.read_text()) == CONFIGURATION
        assert {path.name for path in self.root.iterdir()} <= {"imgadm.conf", "locks"}


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path)


@pytest.fixture
def closed_state(state: State) -> State:
    """A state directory that may be read, but not written."""
    if os.getuid() == 0:
        os.chown(state.root, NOBODY, NOBODY)
        state.runner = (*OBEYING, *state.runner)
    state.root.chmod(0o555)
    return state


@obeys_modes
def test_state_that_may_only_be_read(closed_state: State) -> None:
    assert closed_state.run("sources") == (0, "http://a\n", "")
    assert closed_state.run("list") == (0, "", "")
    status, stdout, stderr = closed_state.run(*ADD)
    assert (status, stdout) == (1, "")
    assert stderr == (
        f'imgadm sources: error (EACCES): cannot create directory "{closed_state.root}/locks": '
        "Permission denied"
    )
    closed_state.assert_untouched()


@obeys_modes
def test_state_that_may_not_be_read(closed_state: State) -> None:
    closed_state.root.chmod(0)
    path = closed_state.configuration
    complaint = f'cannot read "{path}": Permission denied'
    assert closed_state.run("sources") == (1, "", f"imgadm: error (EACCES): {complaint}")
    assert closed_state.run("list") == (0, "", f"imgadm: warning: {complaint}")
    closed_state.root.chmod(0o755)
    closed_state.assert_untouched()


def test_disk_that_is_full_when_the_configuration_is_written(state: State) -> None:
    size = state.configuration.stat().st_size
    status, stdout, stderr = state.run(
        *ADD, preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    )
    assert (status, stdout) == (1, "")
    assert stderr == (
        f'imgadm sources: error (EFBIG): cannot write "{state.configuration}": File too large'
    )
    state.assert_untouched()


def test_another_process_changes_the_configuration(state: State) -> None:
    with state_lock(state.root / "locks", command="imgadm sources -a http://me:secret@other"):
        process = state.start(*ADD)
        assert process.stderr is not None
        warning = process.stderr.readline()
        assert state.run("sources") == (0, "http://a\n", "")
        state.assert_untouched()
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (0, "")
    assert stdout == f'Added "imgapi" image source "{SOURCE}"\n'
    assert warning.startswith(
        "imgadm sources: warning: waiting for the configuration, which is locked by "
        f'"imgadm sources -a http://***@other" (pid {os.getpid()}, since '
    )


def test_another_process_upgrades_the_state(state: State) -> None:
    state.configuration.write_text("{}")
    with state_lock(state.root / "locks", command="imgadm list"):
        process = state.start("sources")
        assert process.stderr is not None
        warning = process.stderr.readline()
    assert process.communicate(timeout=60) == ("https://images.smartos.org\n", "")
    assert warning.startswith(
        'imgadm: warning: waiting for the configuration, which is locked by "imgadm list" (pid '
    )


def test_a_holder_that_does_not_say_who_it_is(state: State) -> None:
    (state.root / "locks").mkdir()
    with open(state.root / "locks" / "imgadm.state.lock", "w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        process = state.start("sources", "-d", "http://a")
        assert process.stderr is not None
        assert process.stderr.readline().endswith("which is locked by another process\n")
    assert process.communicate(timeout=60)[0] == 'Deleted "imgapi" image source "http://a"\n'


@pytest.mark.parametrize(
    ("place", "code", "reason"),
    [("file", "ENOTDIR", "Not a directory"), ("x" * 300, "ENAMETOOLONG", "File name too long")],
)
def test_state_directory_that_is_none(
    place: str, code: str, reason: str, state: State, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("precious")
    state.environment["IMGADM_ROOT"] = str(tmp_path / place)
    complaint = f'cannot read "{tmp_path / place}/imgadm.conf": {reason}'
    assert state.run(*ADD) == (1, "", f"imgadm: error ({code}): {complaint}")
    assert state.run("list") == (0, "", f"imgadm: warning: {complaint}")
    assert (tmp_path / "file").read_text() == "precious"


def test_state_directory_that_can_not_be_made(state: State) -> None:
    state.environment["IMGADM_ROOT"] = "/proc/imgadm"
    status, stdout, stderr = state.run(*ADD)
    assert (status, stdout) == (1, "")
    # Kernels differ in what they say first: that /proc takes no directory, or not from this user.
    assert re.match(
        r'imgadm sources: error \((ENOENT|EACCES|EPERM)\): cannot create directory "/proc/', stderr
    )


@obeys_modes
def test_locks_that_may_not_be_opened(closed_state: State) -> None:
    closed_state.root.chmod(0o755)
    locks = closed_state.root / "locks"
    locks.mkdir()
    closed_state.root.chmod(0o555)
    lock = locks / "imgadm.state.lock"
    lock.write_text("")
    lock.chmod(0o444)
    if os.getuid() == 0:
        os.chown(lock, NOBODY, NOBODY)
    status, stdout, stderr = closed_state.run(*ADD)
    assert (status, stdout) == (1, "")
    assert stderr == (
        f'imgadm sources: error (EACCES): cannot open lock file "{lock}": Permission denied'
    )


def test_damage_is_named_and_the_rest_works(state: State, tmp_path: Path) -> None:
    """Records of a pool, each damaged in a way of its own; what is wrong is said once for each."""
    deep = "[" * 5000
    damages = {
        f"{UUID[:-1]}{number}": damage
        for number, damage in enumerate(["", "{bad", "null", '{"manifest": 7}', deep, "\0" * 99])
    }
    for uuid, damage in damages.items():
        (tmp_path / "pool" / uuid).mkdir(parents=True)
        (tmp_path / "pool" / uuid / "image.json").write_text(damage)
    whole = UUID.replace("0", "f")
    (tmp_path / "pool" / whole).mkdir()
    record = {"manifest": {"uuid": whole, "name": "whole"}, "zpool": "x", "source": 7, "mine": 1}
    (tmp_path / "pool" / whole / "image.json").write_text(json.dumps(record))
    status, stdout, stderr = state.run("list", "-Ho", "uuid,name,source")
    assert status == 0
    assert sorted(stdout.splitlines()) == sorted(
        [*(f"{uuid}  -      -" for uuid in damages), f"{whole}  whole  -"]
    )
    warnings = [json.loads(line)["msg"] for line in stderr.splitlines()]
    assert len(warnings) == len(damages)
    for uuid, warning in zip(damages, warnings, strict=True):
        assert warning.startswith(f'ignoring the record "{tmp_path}/pool/{uuid}/image.json": ')
    status, stdout, stderr = state.run("get", whole)
    assert (status, stderr, json.loads(stdout)["mine"]) == (0, "", 1)
