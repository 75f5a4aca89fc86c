"""Images of machines on emulated hosts: whatever happens, the machine ends as it began."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from imgadm.base.locks.locks import machine_lock

from . import cases
from .emulated.host_file import CHANGES
from .host import Host
from .outcome import StateChange
from .run import environment
from .sources.server import Sources

pytestmark = pytest.mark.slow

IMPATIENT = """\
import sys, time
time.sleep = lambda seconds: None
sys.argv = ["imgadm", *sys.argv[1:]]
from imgadm.__main__ import main
sys.exit(main())
"""
"""The program without its pauses between two looks at a machine."""


@pytest.fixture(scope="module")
def sources() -> Iterator[Sources]:
    with Sources() as running:
        yield running


@dataclass
class Ran:
    status: int
    stdout: str
    stderr: str


class Machine:
    """A machine on a host of its own, as the named case has it."""

    def __init__(self, case: str, directory: Path, sources: Sources, **facts: Any) -> None:
        self._case = cases.find(case)
        setup = [
            {"vm": {**step["vm"], "autoboot": False, **facts}} if "vm" in step else step
            for step in self._case.setup
        ]
        self.host = Host(directory, sources, preparation=facts.pop("preparation", "success"))
        self.host.set_up(tuple(setup))
        self.uuid = next(step["vm"]["uuid"] for step in setup if "vm" in step)
        self.began = self.machine_state()

    def create(self, *words: str, limit: Callable[[], None] | None = None) -> Ran:
        command = [sys.executable, "-c", IMPATIENT, "create", self.uuid]
        done = subprocess.run(
            [*command, "name=x", "version=1", *words],
            env=environment(self._case, self.host),
            cwd=self.host.work,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=limit,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def machine_state(self) -> StateChange:
        """The machine, all datasets, and what the program keeps about machines."""
        state = self.host.state()
        return {key: value for key, value in state.items() if key[0] != "work_dir"}

    def files(self) -> list[str]:
        """What is in the current directory, but for the script."""
        return sorted(it.name for it in self.host.work.iterdir() if it.name != "prep.sh")

    def changes(self) -> list[str]:
        """The calls so far that have changed something."""
        return [" ".join(it[:2]) for it in self.host.calls() if tuple(it[:2]) in CHANGES]


RUNNING, BHYVE = "create/s-running-vm", "create/s-bhyve"
SCRIPT = ("-s", "prep.sh")
FORWARD = [
    *("vmadm stop", "zfs set", "zfs snapshot", "zfs snapshot", "vmadm update", "vmadm update"),
    *("vmadm start", "vmadm update", "zfs snapshot", "zfs send"),
]
BACK = [
    *("zfs destroy", "zfs rollback", "zfs rollback", "zfs destroy", "zfs destroy", "zfs set"),
    *("vmadm start", "vmadm update"),
]
MADE = ["x-1.imgmanifest", "x-1.zvol"]


@pytest.fixture
def machine(tmp_path: Path, sources: Sources) -> Machine:
    """One that runs, and has all that has to be put back: disks, a quota, no autoboot."""
    return Machine(BHYVE, tmp_path, sources, state="running")


def test_what_is_changed_and_put_back(machine: Machine) -> None:
    ran = machine.create(*SCRIPT)
    assert (ran.status, ran.stderr, machine.files()) == (0, "", MADE)
    assert machine.changes() == FORWARD + BACK
    assert machine.machine_state() == machine.began


def test_server_that_is_not_there_is_missed_before_the_machine_is_touched(
    machine: Machine,
) -> None:
    ran = machine.create(*SCRIPT, "-p", "http://127.0.0.1:1")
    assert (ran.status, machine.changes(), machine.files()) == (1, [], [])
    assert ran.stderr == (
        "imgadm create: error (ClientError): http://127.0.0.1:1: Error: connect ECONNREFUSED\n"
    )


@pytest.mark.parametrize("step", range(1, len(FORWARD + BACK) + 1))
def test_killed_at_any_step_and_run_again(machine: Machine, step: int) -> None:
    machine.host.set_trap(step, "go on" if step % 2 else "end", signal.SIGKILL)
    assert machine.create(*SCRIPT).status == -signal.SIGKILL
    for path in machine.files():
        if not path.endswith(
            (".partial", ".lock")
        ):  # the image was made, and only the machine is not back
            (machine.host.work / path).unlink()
    # It may have been killed while it wrote the journal, too.
    journal = machine.host.imgadm_root / "creating" / f"{machine.uuid}.json"
    journal.with_name(f".{journal.name}.12345.0123abcd").touch()
    ran = machine.create()
    assert f"ended without restoring vm {machine.uuid}: restoring it first" in ran.stderr
    assert (ran.status, machine.files()) == (1, []), "it runs again, as it did"
    assert machine.machine_state() == machine.began


@pytest.mark.parametrize("step", [1, 7, 17])
def test_a_program_that_outlives_the_killed_run(machine: Machine, step: int) -> None:
    machine.host.set_trap(step, "linger", signal.SIGKILL)
    assert machine.create(*SCRIPT).status == -signal.SIGKILL
    for path in machine.files():
        (machine.host.work / path).unlink()
    machine.create()
    time.sleep(1.2)  # what still ran then has done its harm by now
    assert machine.machine_state() == machine.began


@pytest.mark.parametrize("step", [1, 4, 7, 10, 12, 15])
def test_interrupted_on_the_way(machine: Machine, step: int) -> None:
    machine.host.set_trap(step, "go on", signal.SIGINT)
    ran = machine.create(*SCRIPT)
    assert (ran.status, ran.stderr) == (130, "imgadm create: error (Interrupted): interrupted\n")
    assert machine.machine_state() == machine.began
    assert machine.files() == (MADE if step > len(FORWARD) else [])


@pytest.mark.parametrize("step", range(1, len(FORWARD) + 1))
def test_a_program_that_fails_on_the_way(machine: Machine, step: int) -> None:
    machine.host.set_trap(step, "fail")
    ran = machine.create(*SCRIPT)
    assert (ran.status, ran.stderr.count("error (")) == (1, 1), ran.stderr
    assert "it broke" in ran.stderr
    assert (machine.files(), machine.machine_state()) == ([], machine.began)


@pytest.mark.parametrize("step", [1, 2, 5, 6, 7])
def test_a_program_that_fails_on_the_way_back(machine: Machine, step: int) -> None:
    machine.host.set_trap(len(FORWARD) + step, "fail")
    ran = machine.create(*SCRIPT)
    assert (ran.status, ran.stderr.count("error (")) == (1, 1), ran.stderr
    assert machine.create().status == 1  # since it runs again
    assert machine.machine_state() == machine.began


def test_what_a_script_leaves_is_in_no_image(tmp_path: Path, sources: Sources) -> None:
    machine = Machine(RUNNING, tmp_path, sources)
    assert machine.create(*SCRIPT).status == 0
    removed = {
        "remove_internal_metadata": ["operator-script"],
        "remove_customer_metadata": [
            "prepare-image:state",
            "prepare-image:error",
            "prepare-image:progress",
        ],
    }
    assert machine.host.updates()[2] == removed


def test_a_snapshot_of_a_killed_run_of_another_program(tmp_path: Path, sources: Sources) -> None:
    machine = Machine(RUNNING, tmp_path, sources)
    snapshot = f"zones/{machine.uuid}@imgadm-create-pre-prepare"
    machine.host.call("zfs", "snapshot", snapshot)
    began = machine.machine_state()
    ran = machine.create(*SCRIPT)
    assert ran.status == 1
    assert f'has a snapshot "{snapshot}", which this imgadm did not leave' in ran.stderr
    assert machine.machine_state() == began


def test_one_image_of_a_machine_at_a_time(tmp_path: Path, sources: Sources) -> None:
    machine = Machine("create/joyent", tmp_path, sources)
    with machine_lock(machine.host.imgadm_root / "locks", machine.uuid, command="imgadm create X"):
        ran = machine.create("--no-wait")
    assert ran.status == 1
    assert f'error (Locked): vm {machine.uuid} is locked by "imgadm create X" (pid' in ran.stderr
    assert machine.machine_state() == machine.began


def small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))


def test_a_disk_that_is_full(tmp_path: Path, sources: Sources) -> None:
    machine = Machine(BHYVE, tmp_path, sources)
    ran = machine.create(
        *SCRIPT, limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16,) * 2)
    )
    assert ran.status == 1
    assert ran.stderr.startswith('imgadm create: error (EFBIG): error writing "x-1.zvol": ')
    assert (machine.files(), machine.machine_state()) == ([], machine.began)


def test_a_damaged_journal(tmp_path: Path, sources: Sources) -> None:
    machine = Machine("create/joyent", tmp_path, sources)
    journal = machine.host.imgadm_root / "creating" / f"{machine.uuid}.json"
    journal.parent.mkdir()
    journal.write_text("{")
    ran = machine.create()
    assert ran.status == 1
    assert f"says how to put vm {machine.uuid} back, and it is damaged" in ran.stderr


def test_files_that_are_there(tmp_path: Path, sources: Sources) -> None:
    machine = Machine("create/joyent", tmp_path, sources)
    (machine.host.work / "x-1.zfs").write_text("precious")
    ran = machine.create()
    assert (ran.status, ran.stderr) == (
        1,
        'imgadm create: error (EEXIST): "x-1.zfs" exists: remove it, name other files with -o, or '
        "replace it with --overwrite\n",
    )
    assert (machine.host.work / "x-1.zfs").read_text() == "precious"
    assert machine.files() == ["x-1.zfs"]
    assert machine.create("--overwrite").status == 0
    assert machine.files() == ["x-1.imgmanifest", "x-1.zfs"]
    assert json.loads((machine.host.work / "x-1.imgmanifest").read_text())["name"] == "x"


DISK = {"zfs_filesystem": "zones/d", "zpool": "zones"}
CANNOT = 'cannot create an image of vm "{vm}": '


@pytest.mark.parametrize(
    ("case", "facts", "words", "error"),
    [
        (
            "create/joyent",
            {"brand": "propolis"},
            "",
            f'(NotSupported): {CANNOT}its brand is "propolis", must be one of joyent, '
            "joyent-minimal, builder, lx, kvm, bhyve",
        ),
        (
            BHYVE,
            {"disks": []},
            "",
            f"(NotSupported): {CANNOT}it has no disks, and images of bhyve machines are made of "
            "their first disk",
        ),
        (
            "create/joyent",
            {"image_uuid": None},
            "-i",
            '(VmHasNoOrigin): cannot create an incremental image: vm "{vm}" has no origin',
        ),
        (
            "create/joyent",
            {"zfs_filesystem": "zones/gone"},
            "",
            '(InternalError): vm "{vm}" should have the dataset "zones/gone", which does not exist',
        ),
        (
            "create/joyent",
            {"zfs_filesystem": None},
            "",
            '(InternalError): vmadm does not tell the "zfs_filesystem" of the machine',
        ),
        (
            RUNNING,
            {"state": "provisioning"},
            "-s prep.sh",
            '(VmNotStopped): vm "{vm}" is not stopped, nor does it run: its state is '
            '"provisioning"',
        ),
        (
            "create/joyent",
            {},
            "type=zfs os=beos version=a$ acl=1 colour=red",
            "(ManifestValidation): invalid manifest: version (image version has invalid characters "
            '(only alpha-numeric characters and ".", "-", "_" and "/" are allowed)), type (invalid '
            'image type, "zfs", must be one of: zone-dataset, zvol, lx-dataset, docker, other), '
            'os (invalid image os, "beos", must be one of: smartos, linux, windows, bsd, illumos, '
            'other), acl (invalid image "acl" (not an array): 1), colour',
        ),
        (
            "create/joyent",
            {},
            "--level 9",
            "(Usage): --level needs -c: without it, the image file is not compressed",
        ),
        ("create/joyent", {}, "-s /dev/null", '(Usage): prepare-image script "/dev/null" is empty'),
        (
            "create/joyent",
            {},
            "-s /dev/zero",
            '(Usage): prepare-image script "/dev/zero" is longer than 1048576 bytes',
        ),
        (
            "create/joyent",
            {},
            "-m /dev/null",
            '(Usage): invalid manifest JSON in "/dev/null": not JSON: expecting value at line 1, '
            "column 1",
        ),
        (
            "create/joyent",
            {},
            "-p ftp://x",
            '(ConfigError): invalid image source URL "ftp://x": its scheme is "ftp", http or '
            "https was expected",
        ),
    ],
)
def test_bad_input(
    case: str, facts: dict[str, Any], words: str, error: str, tmp_path: Path, sources: Sources
) -> None:
    machine = Machine(case, tmp_path, sources, **facts)
    ran = machine.create(*words.split())
    assert ran.stderr == f"imgadm create: error {error}\n".replace("{vm}", machine.uuid)
    assert ran.status == (2 if "(Usage)" in error else 1)
    assert (machine.files(), machine.machine_state()) == ([], machine.began)


def test_an_origin_without_its_snapshot(tmp_path: Path, sources: Sources) -> None:
    machine = Machine("create/joyent", tmp_path, sources)
    image = "3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0001"
    machine.host.call("zfs", "rename", f"zones/{image}@final", f"zones/{image}@other")
    ran = machine.create("-i")
    assert ran.stderr == (
        "imgadm create: error (OriginHasNoFinalSnapshot): cannot create an incremental image: "
        f'origin image "{image}" has no "@final" snapshot (sometimes this can be fixed by '
        '"imgadm update")\n'
    )


def test_only_the_first_of_several_disks(tmp_path: Path, sources: Sources) -> None:
    machine = Machine(BHYVE, tmp_path, sources)
    first = machine.host.machines()[0]["disks"][0]
    machine = replace_disks(tmp_path / "two", sources, [first, {**DISK, "zfs_filesystem": "zones"}])
    ran = machine.create()
    assert ran.status == 0
    assert ran.stderr == (
        f"imgadm create: warning: only the first disk, {first['zfs_filesystem']}, becomes the "
        "image; not zones\n"
    )
    assert machine.machine_state() == machine.began


def test_a_disk_that_has_been_resized(tmp_path: Path, sources: Sources) -> None:
    first = Machine(BHYVE, tmp_path, sources).host.machines()[0]["disks"][0]
    resized = replace_disks(tmp_path / "larger", sources, [{**first, "size": 20480}])
    assert '"image_size": 20480' in resized.create().stdout
    told = replace_disks(tmp_path / "told", sources, [{**first, "size": 20480}])
    assert '"image_size": 30720' in told.create("image_size=30720").stdout


def replace_disks(directory: Path, sources: Sources, disks: list[dict[str, Any]]) -> Machine:
    directory.mkdir()
    return Machine(BHYVE, directory, sources, disks=disks)


def test_a_machine_of_layers_is_one_file_system(tmp_path: Path, sources: Sources) -> None:
    machine = Machine("create/lx", tmp_path, sources)
    (record,) = (machine.host.imgadm_root / "images").iterdir()
    content = json.loads(record.read_text())
    content["manifest"]["type"] = "docker"
    record.write_text(json.dumps(content))
    assert machine.create().status == 0
    assert json.loads((machine.host.work / "x-1.imgmanifest").read_text())["type"] == "lx-dataset"


def test_zstd_comes_with_a_warning(tmp_path: Path, sources: Sources) -> None:
    machine = Machine("create/joyent", tmp_path, sources)
    ran = machine.create("-c", "zstd")
    assert (ran.status, machine.files()) == (0, ["x-1.imgmanifest", "x-1.zfs.zst"])
    assert ran.stderr == ("imgadm create: warning: SmartOS imgadm cannot install zstd images\n")
