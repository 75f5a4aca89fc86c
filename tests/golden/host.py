"""The host that one case runs on: directories, emulated programs, and what setup steps put there.

DIRECTORY/root/var/imgadm   the state, /var/imgadm in recorded texts
DIRECTORY/work              the current directory, $TMP in recorded texts
DIRECTORY/bin               the emulated programs
DIRECTORY/temporary         TMPDIR, empty again after a run
"""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from . import described_bytes, fixtures, inside
from .emulated import datasets as ds
from .outcome import StateChange
from .placeholders import Placeholders
from .sources.server import Sources

PROGRAMS = ("sysinfo", "vi", "vmadm", "zfs", "zoneadm", "zpool")
LOCKS = "/var/imgadm/locks/"
LAUNCHER = """\
#!{python} -IS
import sys
sys.path.insert(0, {package!r})
from emulated.{program} import main
main({host_file!r})
"""


class Host:
    """An emulated host in ``directory``, with a pool ``zones`` and nothing on it."""

    def __init__(
        self,
        directory: Path,
        sources: Sources,
        keystrokes: str = "true",
        preparation: str = "success",
    ) -> None:
        self.root = directory / "root"
        self.work = directory / "work"
        self.bin = directory / "bin"
        self.temporary = directory / "temporary"
        self.imgadm_root = self.root / "var/imgadm"
        for made in (self.imgadm_root, self.work, self.bin, self.temporary):
            made.mkdir(parents=True)
        self.placeholders = Placeholders(
            sources.url,
            str(self.work),
            str(self.root),
            socket.gethostname(),
            programs=str(self.bin),
        )
        self._file = directory / "host.json"
        self._streams = directory / "streams"
        self._streams.mkdir()
        self._state: dict[str, Any] = {
            "datasets": {},
            "txg": 0,
            # The recorded streams do not tell how large their volumes are; the manifests do.
            "volume_sizes": {
                image.guid: str(image.manifest["image_size"] << 20)
                for image in fixtures.images().values()
                if "image_size" in image.manifest
            },
            "machines": [],
            "sysinfo": fixtures.sysinfo(),
            "keystrokes": self.placeholders.fill(keystrokes),
            "preparation": preparation,
        }
        ds.add(self._state, "zones", "filesystem")
        self._install_programs()

    def _install_programs(self) -> None:
        package = str(Path(__file__).parent)
        for program in PROGRAMS:
            launcher = self.bin / program
            launcher.write_text(
                LAUNCHER.format(
                    python=sys.executable,
                    package=package,
                    program=program,
                    host_file=str(self._file),
                )
            )
            launcher.chmod(0o755)

    def set_up(self, steps: tuple[dict[str, Any], ...]) -> None:
        """Apply the setup steps of a case, in order."""
        for step in steps:
            kind = next(kind for kind in STEPS if kind in step)
            STEPS[kind](self, self.placeholders.fill(step))
        self._file.write_text(json.dumps(self._state), "utf-8")

    def path(self, recorded: str) -> Path:
        """Where a path of a recorded case is; relative ones are in the work directory."""
        inside = recorded.removeprefix(str(self.work))
        if inside != recorded or not recorded.startswith("/"):
            return self.work / inside.lstrip("/")
        return self.root / recorded.lstrip("/")

    def conf(self, step: dict[str, Any]) -> None:
        content = step["conf"]
        if content is not None:
            text = content if isinstance(content, str) else json.dumps(content, indent=2)
            self._write("/var/imgadm/imgadm.conf", text)

    def installed(self, step: dict[str, Any]) -> None:
        for uuid in step["installed"]:
            image = fixtures.images()[uuid]
            record = {
                "manifest": image.manifest,
                "zpool": "zones",
                "source": self.placeholders.fill("$IMGAPI"),
            }
            text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
            self._write(f"/var/imgadm/images/zones-{uuid}.json", text)
            origin = image.manifest.get("origin")
            kind = "volume" if image.manifest["type"] == "zvol" else "filesystem"
            parent = f"zones/{origin}@final" if origin else None
            ds.add(self._state, f"zones/{uuid}", kind, origin=parent)
            ds.add(self._state, f"zones/{uuid}@final", "snapshot", guid=image.guid)

    def write_file(self, step: dict[str, Any]) -> None:
        self._write(step["write_file"], step["content"])

    def remove_file(self, step: dict[str, Any]) -> None:
        self.path(step["remove_file"]).unlink()

    def file(self, step: dict[str, Any]) -> None:
        if "content" in step:
            self._write(step["file"], step["content"])
            return
        path = self.path(step["file"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(described_bytes.make(step["bytes"], step.get("sha1")))

    def dir(self, step: dict[str, Any]) -> None:
        self.path(step["dir"]).mkdir()

    def dataset(self, step: dict[str, Any]) -> None:
        name = step["dataset"]
        if "set" in step:
            self._state["datasets"][name]["props"].update(step["set"])
            return
        if "type" not in step:
            self._state["datasets"][name]["guid"] = str(step["guid"])
            return
        origin, props, guid = step.get("origin"), step.get("props"), step.get("guid")
        ds.add(self._state, name, step["type"], guid=guid, origin=origin, props=props)
        if origin and props and "recorder:send" in props:
            self._sendable(name, origin, props)

    def _sendable(self, name: str, origin: str, props: dict[str, str]) -> None:
        """Lay out what ``zfs send`` gives of a machine's dataset; None of one that fails."""
        image = fixtures.images()[origin.rpartition("/")[2].partition("@")[0]]
        children = [
            it for it in fixtures.images().values() if it.manifest.get("origin") == image.uuid
        ]
        streams = {"send": image.stream, "sendincr": (children or [image])[0].stream}
        files: dict[str, str | None] = {}
        for kind, stream in streams.items():
            path = self._streams / f"{image.uuid}.{kind}"
            path.write_bytes(stream)
            files[kind] = None if props[f"recorder:{kind}"] == "FAIL" else str(path)
        self._state["datasets"][name]["streams"] = files

    def dataset_renamed(self, step: dict[str, Any]) -> None:
        old, new = step["dataset_renamed"]
        ds.rename(self._state["datasets"], old, new)

    def dataset_removed(self, step: dict[str, Any]) -> None:
        name, datasets = step["dataset_removed"], self._state["datasets"]
        for doomed in [name, *ds.below(datasets, name)]:
            del datasets[doomed]

    def vm(self, step: dict[str, Any]) -> None:
        self._state["machines"].append(step["vm"])

    def _write(self, recorded: str, text: str) -> None:
        path = self.path(recorded)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def state(self) -> StateChange:
        """Every file and dataset there is, by area and path; locks are no part of it."""
        found: StateChange = {}
        areas = {"var_imgadm": self.imgadm_root, "work_dir": self.work, "downloads": None}
        areas |= {"var_db_imgadm": self.root / "var/db/imgadm", "temporary": self.temporary}
        areas["downloads"] = self.root / "var/tmp/.imgadm-downloads"
        for area, directory in areas.items():
            for path in sorted(directory.rglob("*")) if directory else []:
                name = self.placeholders.restore(str(path))
                if path.is_file() and not name.startswith(LOCKS):
                    found[area, name] = self._content(path)
        for name, entry in self._now()["datasets"].items():
            origin = {"origin": entry["origin"]} if "origin" in entry else {}
            found["datasets", name] = {"type": entry["type"], **origin}
        for machine in self._now()["machines"]:
            found["vms", machine["uuid"]] = json.dumps(machine, indent=2)
        return found

    def editor_text(self) -> str:
        """What the editor was given at first; empty if it was not started."""
        texts = self._now().get("editor_texts", [""])
        return self.placeholders.restore(texts[0])

    def set_trap(self, calls: int, what: str, number: int = 0) -> None:
        """Spring a trap at the so many'th call that changes something, counted from now.

        ``fail`` makes the call fail, ``end`` sends the signal to the caller instead of doing what
        was called for, ``go on`` does that too, and ``linger`` a second later.
        """
        trap = {"calls": calls, "what": what, "signal": number}
        self._file.with_name(self._file.name + ".trap").write_text(json.dumps(trap))

    def call(self, program: str, *arguments: str) -> None:
        """Run one of the emulated programs."""
        subprocess.run([self.bin / program, *arguments], check=True)

    def machines(self) -> list[dict[str, Any]]:
        """What ``vmadm`` knows."""
        known: list[dict[str, Any]] = self._now()["machines"]
        return known

    def updates(self) -> list[dict[str, Any]]:
        """What ``vmadm update`` was given, in order."""
        given: list[dict[str, Any]] = self._now().get("updates", [])
        return given

    def calls(self) -> list[list[str]]:
        """Every call of an emulated program so far."""
        log = self._file.with_name(self._file.name + ".calls")
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def _now(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self._file.read_text("utf-8"))
        return state

    def _content(self, path: Path) -> Any:
        data = path.read_bytes()
        if path.suffix in inside.SUFFIXES:
            return inside.described(data)
        if path.suffix == ".imgmanifest":
            data = inside.described_manifest(path)
        try:
            return self.placeholders.restore(data.decode("utf-8"))
        except UnicodeDecodeError:
            return {"size": len(data), "sha1": hashlib.sha1(data).hexdigest()}


STEPS = {
    "conf": Host.conf,
    "installed": Host.installed,
    "write_file": Host.write_file,
    "remove_file": Host.remove_file,
    "file": Host.file,
    "dir": Host.dir,
    "dataset": Host.dataset,
    "dataset_renamed": Host.dataset_renamed,
    "dataset_removed": Host.dataset_removed,
    "vm": Host.vm,
}


def change(before: StateChange, after: StateChange) -> StateChange:
    """What differs between two states, by ``"AREA added" | "AREA changed" | "AREA removed"``."""
    found: StateChange = {}
    for area, path in before.keys() | after.keys():
        old, new = before.get((area, path)), after.get((area, path))
        if old is None:
            found[f"{area} added", path] = new
        elif new is None:
            found[f"{area} removed", path] = ""
        elif old != new:
            found[f"{area} changed", path] = new
    return found
