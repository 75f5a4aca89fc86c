"""A host with zpools: the real program in the guest, and all that it could leave behind there."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imgadm.base.compressions import COMPRESSION_FORMATS
from tests.e2e.imports.host import Finished
from tests.e2e.imports.images import Image
from tests.python_path import PYTHON_PATH
from tests.stands.zfsvm import Session, create_pool
from tests.stands.zfsvm.session import Command

RUN_LIMIT_S = 280
"""For one run of the program, of several at once: the processor is emulated, and may be shared."""

WORK = "(import|install|create|publish)"
"""Commands that leave no process behind."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Traces:
    """What images and the work on them show on a host."""

    origins: dict[str, str] = field(default_factory=dict)
    """Every dataset of the pool, with the snapshot that it is a clone of."""

    snapshots: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    held_locks: list[str] = field(default_factory=list)
    temporary_files: list[str] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)


class GuestHost:
    """One state directory in the guest. The zpools are the guest's: hosts share them."""

    def __init__(self, vm: Session) -> None:
        self.vm = vm
        self.root = f"/root/host-{next(_numbers)}"
        self.environment = {
            "PYTHONPATH": PYTHON_PATH,
            "IMGADM_ROOT": f"{self.root}/state",
            "IMGADM_CONNECT_RETRIES": "0",
            "TMPDIR": f"{self.root}/temporary",
        }
        vm.check(f"mkdir -p {self.root}/temporary")

    def start(self, *words: str, prefix: Sequence[str] = ()) -> Command:
        """Start ``imgadm WORDS``; the command is its process, so that signals go to that."""
        # What a shell starts in the background ignores SIGINT, unless told otherwise.
        argv = [*prefix, "env", "--default-signal=INT", sys.executable, "-m", "imgadm", *words]
        return self.vm.start(f"exec {shlex.join(argv)}", env=self.environment)

    def run(self, *words: str) -> Finished:
        return finished(self.start(*words))

    def run_together(self, *commands: tuple[str, ...]) -> list[Finished]:
        """Run all at the same time: that is faster, and they must not mind each other."""
        return [finished(command) for command in [self.start(*words) for words in commands]]

    @contextmanager
    def serving(self, *words: str) -> Iterator[str]:
        """The URL of ``imgadm serve WORDS`` on a port that is free."""
        server = self.start("serve", "--quiet", "--listen", "127.0.0.1:0", *words)
        try:
            yield announced_url(server)
        finally:
            server.signal("INT")
            ended = finished(server)
        assert ended.status == 0

    def records(self) -> dict[str, Any]:
        """The content of every record by the name of its file."""
        copy = self.vm.exchange / f"records-{next(_numbers)}"
        self.vm.check(f"cp -r {self.root}/state/images {copy}")
        return {path.name: json.loads(path.read_bytes()) for path in copy.iterdir()}

    def traces(self, pool: str = "zones") -> Traces:
        state = f"{self.root}/state"
        shown = self.vm.check(
            f"""
            zfs list -Hp -r -t filesystem,volume -o name,origin {pool} | tail -n +2
            echo --; zfs list -Hp -r -t snapshot -o name {pool}
            echo --; ls -A {state}/images 2>/dev/null
            echo --; find {state}/locks -type f -size +0 2>/dev/null
            echo --; ls -A {self.root}/temporary
            echo --; pgrep --list-full --full 'imgadm {WORK}|zfs (receive|send)'
            true
            """
        )
        rows, *others = (part.splitlines() for part in shown.split("--\n"))
        return Traces(dict(row.split("\t") for row in rows), *(sorted(lines) for lines in others))


def only(*images: Image, pool: str = "zones") -> Traces:
    """Exactly these images are installed, and nothing is left of work on them or others."""
    return Traces(
        origins=dict(_datasets(images, pool)),
        snapshots=sorted(f"{pool}/{image.uuid}@final" for image in images),
        records=sorted(f"{pool}-{image.uuid}.json" for image in images),
    )


def _datasets(images: Iterable[Image], pool: str) -> Iterator[tuple[str, str]]:
    for image in images:
        origin = image.manifest.get("origin")
        yield f"{pool}/{image.uuid}", "-" if origin is None else f"{pool}/{origin}@final"


def finished(command: Command) -> Finished:
    result = command.wait(RUN_LIMIT_S)
    return Finished(result.status, result.stdout, result.stderr)


def announced_url(server: Command) -> str:
    """The URL in the first line that a server prints."""
    deadline = time.monotonic() + 60
    while not (line := server.stdout_path.read_text()).endswith("\n"):
        assert server.poll(0.1) is None, f"it ended: {server.poll()}"
        assert time.monotonic() < deadline, "no server yet"
    (url,) = re.findall(r"http://[^\s,]+", line)
    return str(url)


class Shelf:
    """A folder of manifest and file pairs in the exchange, as a server serves them."""

    def __init__(self, vm: Session) -> None:
        self.path = vm.exchange / f"shelf-{next(_numbers)}"
        self.path.mkdir()

    def put(self, *images: Image) -> None:
        for image in images:
            self.file(image).write_bytes(image.data)
            self.manifest(image).write_text(json.dumps(image.manifest))

    def manifest(self, image: Image) -> Path:
        return self.path / f"{image.uuid}.imgmanifest"

    def file(self, image: Image) -> Path:
        compression = image.manifest["files"][0]["compression"]
        return self.path / f"{image.uuid}.zsend{COMPRESSION_FORMATS[compression].suffix}"

    def clear(self) -> None:
        shutil.rmtree(self.path)
        self.path.mkdir()


@contextmanager
def extra_pool(vm: Session, name: str, *, size: str = "1G") -> Iterator[str]:
    """One more zpool."""
    create_pool(vm, name, size=size)
    try:
        yield name
    finally:
        vm.check(f"zpool destroy -f {name}", timeout=120)
