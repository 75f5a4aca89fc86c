"""A host whose programs hang, fail or print nonsense: one clear error, and nothing is destroyed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.python_path import PYTHON_PATH

UUID = "01b2c898-945f-11e1-a523-af1afbe22822"
DATASET = f"zones/{UUID}"
MACHINE = "aaaaaaaa-1111-4111-8111-000000000001"

#: What zfs prints for each question that deleting an image asks, by what tells the questions apart.
QUESTIONS = {
    "-H -p -o name": DATASET,
    "imgadm:ignore": f"{DATASET}\t-\t/{DATASET}\t-\t1\n{DATASET}@final\t-\t-\t-\t1",
    "-t all": f"{DATASET}\n{DATASET}@final",
    "-o origin,name": f"-\tzones\n-\t{DATASET}",
}

LISTINGS = [question for question in QUESTIONS if question != "-H -p -o name"]

#: What goes wrong: a shell script, and what the error says.
TROUBLES = {
    "hangs": ("exec sleep 60", "has not ended after 0.5 seconds and was given up"),
    "fails": ("echo 'internal error: out of memory' >&2; exit 1", "internal error: out of memory"),
    "crashes": ("kill -SEGV $$", "zfs list "),
    "says too little": ("echo zones", "should print "),
    "says too much": (r"printf 'a\tb\tc\td\te\tf\n'", "should print "),
    "is binary": (r"printf '\377\376\0\033[31m\n'", 'and printed "\\udcff\\udcfe\\x00\\x1b[31m"'),
    "is long": ("head -c 20971520 /dev/zero", 'and printed "\\x00\\x00'),
}


class Host:
    """``zfs`` answers as one with a single image does, and writes down what it was asked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.record = directory / "root" / "images" / f"zones-{UUID}.json"
        self.record.parent.mkdir(parents=True)
        manifest = {"v": 2, "uuid": UUID, "name": "smartos", "version": "1"}
        self.record.write_text(json.dumps({"manifest": manifest, "zpool": "zones"}))
        (directory / "root" / "imgadm.conf").write_text('{"upgradedToVer": "3.0.0"}')
        self.program("zoneadm", "echo 0:global:running:/::liveimg:shared:")
        self.answer()

    def program(self, name: str, script: str) -> None:
        path = self.directory / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def answer(self, question: str = "", trouble: str = "") -> None:
        """Let zfs answer everything, but give ``trouble`` for one ``question``."""
        cases = [f'echo "$*" >>{self.directory}/asked', 'case "$*" in']
        for asked, answer in (QUESTIONS | {"destroy": ""}).items():
            (self.directory / asked).write_text(answer + "\n")
            script = trouble if asked == question else f'cat "{self.directory}/{asked}"'
            cases.append(f'*"{asked}"*) {script} ;;')
        self.program("zfs", "\n".join([*cases, "esac"]))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*words, patience="0.5")
        stdout, stderr = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)

    def start(self, *words: str, patience: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "imgadm", *words],
            env={
                "PATH": f"{self.directory}/bin:{os.environ['PATH']}",
                "PYTHONPATH": PYTHON_PATH,
                "PYTHONSAFEPATH": "1",
                "IMGADM_ROOT": str(self.directory / "root"),
                "IMGADM_PATIENCE": patience,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def asked(self) -> str:
        return (self.directory / "asked").read_text()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def assert_one_error(done: subprocess.CompletedProcess[str], message: str) -> None:
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr.startswith("imgadm "), done
    assert done.stderr.count(": error (InternalError): ") == 1, done
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < 10_000


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("question", LISTINGS)
def test_nothing_is_destroyed_by_an_answer_that_makes_no_sense(
    question: str, trouble: str, host: Host
) -> None:
    script, message = TROUBLES[trouble]
    host.answer(question, script)
    assert_one_error(host.run("delete", UUID), message)
    assert question in host.asked()
    assert "destroy" not in host.asked()
    assert host.record.exists()


@pytest.mark.parametrize("trouble", ["hangs", "fails"])
def test_an_image_that_zfs_does_not_tell_of_is_not_taken_for_missing(
    trouble: str, host: Host
) -> None:
    script, message = TROUBLES[trouble]
    host.answer("-H -p -o name", script)
    assert_one_error(host.run("get", UUID), message)


@pytest.mark.parametrize("trouble", ["hangs", "fails", "says too little", "is binary"])
def test_zones_that_are_not_told_make_no_images_of_machines(trouble: str, host: Host) -> None:
    script, message = TROUBLES[trouble]
    host.program("zoneadm", script)
    assert_one_error(host.run("list"), message)


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (["list"], "imgadm:ignore"),
        (["delete", UUID], "destroy"),
        (["get", UUID], "-H -p -o name"),
    ],
)
def test_ctrl_c_ends_a_program_that_hangs(words: list[str], question: str, host: Host) -> None:
    fifo = host.directory / "hangs"
    os.mkfifo(fifo)
    host.answer(question, f'trap "" INT TERM; echo >"{fifo}"; sleep 60')
    process = host.start(*words, patience="60")
    fifo.read_text()
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (130, "")
    assert stderr == f"imgadm {words[0]}: error (Interrupted): interrupted\n"


def test_a_root_of_a_zone_is_no_image(host: Host) -> None:
    host.program("zoneadm", f"printf '0:global:running:/::\\n1:m:running:/{DATASET}:\\n'")
    assert (host.run("list").stdout, host.run("delete", UUID).returncode) == ("", 3)
    assert "destroy" not in host.asked()


def test_another_dataset_than_the_one_asked_for_is_no_answer(host: Host) -> None:
    other = f"zones/{MACHINE}\t-\t/zones/{MACHINE}\t-\t1"
    host.answer("imgadm:ignore", f"printf '{other}\\n'")
    assert host.run("delete", UUID).returncode == 3
    assert "destroy" not in host.asked()


def test_an_image_goes_when_all_is_well(host: Host) -> None:
    done = host.run("delete", UUID)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"Deleted image {UUID}\n", "")
    assert host.asked().splitlines()[-1] == f"destroy -r {DATASET}"
    assert not host.record.exists()


@pytest.mark.parametrize(
    ("limit", "version", "code"),
    [
        ("min_platform", "8.0", "MinPlatform"),
        ("max_platform", "6.5", "MaxPlatform"),
    ],
)
def test_platforms(limit: str, version: str, code: str, host: Host) -> None:
    facts = {"SDC Version": "7.0", "Live Image": "20200101T000000Z"}
    host.program("sysinfo", f"echo '{json.dumps(facts)}'")
    stamp = {version: "20210101T000000Z"}
    done = install(host, {limit: stamp})
    assert (done.returncode, done.stderr) == (
        1,
        f"imgadm install: error ({code}): current platform version, 7.0/20200101T000000Z, does not "
        f"satisfy requirements.{limit}={json.dumps(stamp, separators=(',', ':'))}\n",
    )


@pytest.mark.parametrize("trouble", ["hangs", "fails", "says too little", "is long"])
def test_a_platform_that_is_not_told(trouble: str, host: Host) -> None:
    script, message = TROUBLES[trouble]
    host.program("sysinfo", script)
    done = install(host, {"min_platform": {"7.0": "20200101T000000Z"}})
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def install(host: Host, requirements: dict[str, object]) -> subprocess.CompletedProcess[str]:
    """Install an image that has ``requirements``; the check comes before a look at its file."""
    file = host.directory / "file"
    file.write_bytes(b"")
    manifest = {
        "v": 2,
        "uuid": MACHINE,
        "owner": MACHINE,
        "name": "limited",
        "version": "1",
        "type": "zvol",
        "os": "linux",
        "public": True,
        "state": "active",
        "disabled": False,
        "requirements": requirements,
        "image_size": 1,
        "disk_driver": "virtio",
        "nic_driver": "virtio",
        "files": [{"sha1": "a" * 40, "size": 1, "compression": "none"}],
    }
    path = host.directory / "manifest"
    path.write_text(json.dumps(manifest))
    pool = host.directory / "pool"
    return host.run("install", "-P", str(pool), "-m", str(path), "-f", str(file))
