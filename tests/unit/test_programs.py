"""Programs of the host that hang, never stop talking, or print what nobody asked for."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from imgadm import host, logs, programs
from imgadm.errors import ConfigError, ImgadmError, InternalError
from imgadm.logs import Log
from imgadm.pools.zfs_discovery import find_images, names_below, zone_roots
from imgadm.programs import Completed, run_program, run_query

UUID = "01b2c898-945f-11e1-a523-af1afbe22822"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Puts a shell script on PATH as a program, and returns where it is."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def write(name: str, script: str) -> str:
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return str(program)

    return write


def printed(stdout: str) -> Completed:
    return Completed(("zfs", "list"), 0, stdout, "")


def assert_ends(pid_file: Path) -> None:
    """The process that wrote its number there has been killed, and is gone any moment."""
    stat = Path(f"/proc/{int(pid_file.read_text())}/stat")
    deadline = time.monotonic() + 20
    with contextlib.suppress(FileNotFoundError):
        while stat.read_text().rpartition(")")[2].split()[0] != "Z":
            assert time.monotonic() < deadline, "still running"
            time.sleep(0.02)


def test_what_a_program_says_and_how_it_ends(install: Callable[[str, str], str]) -> None:
    program = install("p", 'cat; printf "%s\\377" "$1"; echo no >&2; exit 3')
    completed = run_program([program, "é"])
    assert completed == Completed((program, "é"), 3, "é\udcff", "no\n")
    assert run_program([install("killed", "kill -9 $$")]).status == -signal.SIGKILL


@pytest.mark.parametrize("script", ["sleep 60", "exec >&- 2>&-; sleep 60", "while :; do :; done"])
def test_a_query_that_hangs_is_given_up(
    script: str, install: Callable[[str, str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = install("zfs", f"(sleep 60 & echo $! >{tmp_path}/child); {script}")
    monkeypatch.setenv("IMGADM_PATIENCE", "0.5")
    with pytest.raises(InternalError) as caught:
        run_query([program, "list"])
    assert caught.value.message == (
        f'"{program} list" has not ended after 0.5 seconds and was given up; see what it waits '
        "for, or allow it more with IMGADM_PATIENCE=<seconds>"
    )
    assert_ends(tmp_path / "child")


@pytest.mark.parametrize("text", ["0", "-1", "soon", "1e9", "nan", "٣"])
def test_patience_that_is_no_time(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGADM_PATIENCE", text)
    with pytest.raises(ConfigError, match=f'IMGADM_PATIENCE is "{text}", a number of seconds'):
        run_query(["true"])


@pytest.mark.parametrize("stream", ["", ">&2"])
def test_a_program_that_never_stops_talking(
    stream: str, install: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "MAX_OUTPUT", 1 << 20)
    monkeypatch.setenv("IMGADM_PATIENCE", "20" if not stream else "0.5")
    program = install("zfs", f"exec yes {stream}")
    with pytest.raises(InternalError, match="printed more than 1048576" if not stream else "0.5 s"):
        run_query([program])


def test_twenty_mebibytes_are_no_trouble(install: Callable[[str, str], str]) -> None:
    program = install("zfs", "head -c 20971520 /dev/zero")
    (line,) = run_program([program]).lines()
    assert line == "\0" * (20 << 20)


def test_a_program_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match=r'cannot run "/no/such": No such file or directory'):
        run_program(["/no/such"])


INTERRUPTED = """
import sys
from imgadm.programs import run_program
try:
    run_program(sys.argv[1:])
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_ends_a_program_that_does_not_listen(
    install: Callable[[str, str], str], tmp_path: Path
) -> None:
    fifo = tmp_path / "started"
    os.mkfifo(fifo)
    program = install("zfs", f'trap "" INT TERM; echo $$ >{tmp_path}/pid; echo >{fifo}; sleep 60')
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, program], stdout=subprocess.PIPE, text=True
    )
    fifo.read_text()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[0] == "interrupted\n"
    assert_ends(tmp_path / "pid")


def test_a_failure_shows_the_end_of_what_was_printed() -> None:
    failed = Completed(("zfs", "x"), 1, "a" * 10_000, "no\n")
    with pytest.raises(InternalError) as caught:
        failed.check("could not load images")
    start, middle, end = caught.value.message.partition(f"\n...{'a' * 4096}\n")
    assert start == "could not load images:\n\tcommand: zfs x\n\texit status: 1\n\tstdout:"
    assert (middle != "", end) == (True, "\tstderr:\nno")


def test_every_call_is_logged(
    install: Callable[[str, str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    program = install("zfs", "echo out; echo err >&2; exit 2")
    try:
        logs.use(Log(level=10, request_id="me", source_locations=False))
        run_program([program, "list"])
    finally:
        logs.use(Log.from_environment({}, verbose=False, request_id="me"))
    ended, done = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (ended["msg"], ended["level"]) == ("program ended", 20)
    assert (ended["argv"], ended["status"]) == ([program, "list"], 2)
    assert 0 <= ended["seconds"] < 60
    assert (done["msg"], done["level"], done["exec"]) == ("exec done", 10, True)
    assert (done["argv"], done["stdout"], done["stderr"]) == ([program, "list"], "out", "err")
    assert done["err"] == {"message": f"Command failed: {program} list", "code": 2}


@pytest.mark.parametrize(
    ("stdout", "got"),
    [
        ("zones\t-\t/zones\n", "zones\\t-\\t/zones"),
        ("zones\t-\t/zones\t-\t-\n", "zones\\t-\\t/zones\\t-\\t-"),
        ("zones\t-\t/zones\t-\n\n", ""),
        ("\0\udcff\x1b[31m\n", "\\x00\\udcff\\x1b[31m"),
        ("x" * 1000, "x" * 100 + "..."),
    ],
)
def test_a_listing_that_is_none(stdout: str, got: str) -> None:
    with pytest.raises(InternalError) as caught:
        find_images(printed(stdout), frozenset(), pytest.fail)
    assert caught.value.message == (
        f'"zfs list" should print lines of 4 fields, and printed "{got}"'
    )


def test_a_property_cannot_pass_for_the_dataset_of_another() -> None:
    """A machine may own a dataset and give it any property, with newlines in it too."""
    forged = f"x\nzones/{UUID}\t-\t/elsewhere\tno"
    listing = printed(f"zones/{UUID}\t-\t/root\t-\nzones/machine/data\t-\t/data\t{forged}\n")
    with pytest.raises(InternalError, match=f'every dataset once, and printed "zones/{UUID}"'):
        find_images(listing, frozenset({"/root"}), pytest.fail)


def test_only_newlines_end_lines() -> None:
    odd = "/a\x0bb\x85c\u2028d\re"
    listing = printed(f"zones/{UUID}\t-\t{odd}\t-\n")
    assert find_images(listing, frozenset({odd}), pytest.fail) == []
    assert len(find_images(listing, frozenset({"/a"}), pytest.fail)) == 1


@pytest.mark.parametrize(
    ("value", "is_image", "warned"),
    [
        ("-", True, False),
        ("no", True, False),
        ("false", True, False),
        ("yes", False, False),
        ("true", False, False),
        ("TRUE", True, True),
        ("maybe", True, True),
    ],
)
def test_ignored_datasets(value: str, is_image: bool, warned: bool) -> None:
    warnings: list[str] = []
    row = f"zones/{UUID}\t-\t/zones/x\t{value}\n"
    found = find_images(printed(row), frozenset(), warnings.append)
    assert [image.uuid for image in found] == [UUID] * is_image
    wanted = (
        f'dataset zones/{UUID}: TypeError: invalid value for "imgadm:ignore" zfs property: '
        f'"{value}"'
    )
    assert warnings == [wanted] * warned


@pytest.mark.parametrize(
    "stdout",
    ["", "other\n", "zones/a\nzones/b@final\n", "zones/a\nzones/ab@x\n", "zones/a\tx\n", "\n"],
)
def test_names_that_are_not_below_a_dataset(stdout: str) -> None:
    with pytest.raises(InternalError, match='"zfs list" should print '):
        names_below(printed(stdout), "zones/a")


def test_names_below_a_dataset() -> None:
    names = ["zones/a", "zones/a@final", "zones/a#mark", "zones/a/b", "zones/a/b@x"]
    assert names_below(printed("\n".join(names) + "\n"), "zones/a") == names


ZONES = r"""
0:global:running:/::liveimg:shared:
21:web:running:/zones/web:aaaaaaaa-1111-4111-8111-000000000001:joyent-minimal:excl:21
-:odd:installed:/zones/a\:b:bbbbbbbb-1111-4111-8111-000000000002:kvm:excl:22
""".lstrip()


def test_zone_roots(install: Callable[[str, str], str], tmp_path: Path) -> None:
    (tmp_path / "zones").write_text(ZONES)
    install("zoneadm", f"cat {tmp_path}/zones")
    assert zone_roots() == {"/", "/zones/web", "/zones/a:b"}


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 0", "should print lines of 4 or more fields"),
        ("echo global", 'should print lines of 4 or more fields, and printed "global"'),
        (r"printf 'a:b:c:/\n\377\0\n'", 'and printed "\\\\udcff\\\\x00"'),
        ("echo no >&2; exit 1", "could not list zones:\n\tcommand: "),
        ("sleep 60", "has not ended after 0.5 seconds"),
    ],
)
def test_zones_that_are_not_told(
    script: str,
    message: str,
    install: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No zones would make images of all machines."""
    install("zoneadm", script)
    monkeypatch.setenv("IMGADM_PATIENCE", "0.5")
    with pytest.raises(InternalError, match=message):
        zone_roots()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo nonsense", 'should print a JSON object, and printed "nonsense'),
        ("echo '[]'", 'should print a JSON object, and printed "\\[\\]'),
        ("head -c 100000 /dev/zero | tr '\\0' '['", "should print a JSON object"),
        ("head -c 1000 /dev/zero", "should print a JSON object"),
        ("""echo '{"SDC Version": 7}'""", 'a text as its SDC Version, and printed "7"'),
        ("echo no >&2; exit 1", "could not tell the platform:\n\tcommand: "),
        ("sleep 60", "has not ended after 0.5 seconds"),
    ],
)
def test_a_platform_that_is_not_told(
    script: str,
    message: str,
    install: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install("sysinfo", script)
    monkeypatch.setenv("IMGADM_PATIENCE", "0.5")
    with pytest.raises(ImgadmError, match=message):
        host.platform()


def test_platform(install: Callable[[str, str], str]) -> None:
    install("sysinfo", """echo '{"SDC Version": "7.0", "Live Image": "20200101T000000Z"}'""")
    assert host.platform() == host.Platform("7.0", "20200101T000000Z")
