"""Events of an import or install, as lines, bars, or JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from imgadm.cli.sizes import human_seconds, human_size
from imgadm.cli.waiting import show_waiting
from imgadm.operations import events

if TYPE_CHECKING:
    from tqdm import tqdm

    from imgadm.manifest import Manifest
    from imgadm.pools.base import InstalledImage
    from imgadm.streams import Report

Show = Callable[[events.Event], None]


def title(image: Manifest) -> str:
    return f"{image.uuid} ({image.name}@{image.version})"


def installed_title(image: InstalledImage) -> str:
    """An installed image as it is called when it is in the way."""
    name = image.manifest.get("name")
    return f"{image.uuid} ({name} {image.manifest.get('version')})" if name else image.uuid


def choose_view(command: str, *, quiet: bool, as_json: bool) -> Show:
    """How to show events: JSON if asked for, bars on a terminal, else just lines."""
    if as_json:
        return JsonView()
    if quiet or not sys.stderr.isatty():
        return LineView(command)
    return BarView(command)


class LineView:
    """The lines that scripts know, on stdout; what an operator should hear, on stderr."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.ImportBegins(image, url, channel):
                suffix = "" if channel is None else f', channel "{channel}"'
                self.say(f'Importing {title(image)} from "{url}"{suffix}')
            case events.InstallBegins(image):
                self.say(f"Installing image {title(image)}")
            case events.AncestryWanted(uuid):
                self.say(f"Gather image {uuid} ancestry")
            case events.AncestorInstalled(uuid):
                self.say(f"Image {uuid} already installed")
            case events.LockAwaited(uuid, holder):
                show_waiting(uuid, holder)
            case events.InstalledMeanwhile(image):
                done = "installed" if self._command == "install" else "imported"
                self.say(f"Image {title(image)} was {done} while waiting on lock")
            case events.TransferPlanned(count, size):
                images = "image" if count == 1 else "images"
                suffix = "" if size is None else f" ({human_size(size)})"
                self.say(f"Must download and install {count} {images}{suffix}")
            case events.FileVerified(image, size):
                if self._command != "install":
                    self.say(f"Downloaded image {image.uuid} ({human_size(size)})")
            case events.ImageInstalled(image, report):
                done = "Installed" if self._command == "install" else "Imported"
                self.say(f"{done} image {title(image)}")
                self.summarise(report)
            case events.SourceFailed(message):
                self.warn(message)
            case events.ProgramSaid(program, text):
                self.tell(f"Stderr from {program}: {text}\n")
            case events.Aborting(message):
                if self._command != "install":
                    self.say(f"Aborting ({message})")
            case events.Transferring(image, report):
                self.progress(image, report)

    def say(self, line: str) -> None:
        print(line, flush=True)

    def tell(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def warn(self, message: str) -> None:
        self.tell(f"imgadm {self._command}: warning: {message}")

    def progress(self, image: Manifest, report: Report) -> None:
        """Show how far the image has come; nobody reads that here."""

    def summarise(self, report: Report) -> None:
        for note in report.notes:
            self.warn(note)


class BarView(LineView):
    """A bar per image on the terminal, and at its end one line that says where the time went."""

    def __init__(self, command: str) -> None:
        super().__init__(command)
        self._bar: tqdm[Any] | None = None

    def __call__(self, event: events.Event) -> None:
        if not isinstance(event, events.Transferring | events.FileVerified):
            self._close()
        super().__call__(event)

    def say(self, line: str) -> None:
        if self._bar is None:
            super().say(line)
        else:
            self._bar.write(line)

    def progress(self, image: Manifest, report: Report) -> None:
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                desc=image.name,
                total=report.total,
                unit="B",
                unit_scale=True,
                unit_divisor=1024,
                dynamic_ncols=True,
                leave=False,
                delay=0.2,
                bar_format=None if report.total else "{desc}: {n_fmt} {rate_fmt}, {elapsed}",
            )
        self._bar.update(report.bytes_in - self._bar.n)

    def summarise(self, report: Report) -> None:
        super().summarise(report)
        self.tell(summary_line(report))

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def summary_line(report: Report) -> str:
    """How much, how long, how fast, and which stage held up the others."""
    elapsed = max(report.elapsed, 1e-9)
    slowest = report.bottleneck
    rate = human_size(int(report.bytes_out / elapsed))
    return (
        f"    {human_size(report.bytes_out)} in {human_seconds(elapsed)} ({rate}/s), "
        f"bottleneck: {slowest.name}, {min(100, round(100 * slowest.busy / elapsed))}% busy"
    )


class JsonView:
    """One JSON object per line on stdout; progress about once a second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = 0.0

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.Transferring):
            if self._clock() - self._last < 1.0:
                return
            self._last = self._clock()
        print(json.dumps({"event": _name(event), **_fields(event)}), flush=True)


def _name(event: events.Event) -> str:
    words = "".join(f"-{c.lower()}" if c.isupper() else c for c in type(event).__name__)
    return words.lstrip("-")


def _fields(event: events.Event) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in vars(event).items():
        if name == "image":
            fields |= {"uuid": value.uuid, "name": value.name, "version": value.version}
        elif name == "report":
            fields |= report_fields(value)
        elif name == "holder":
            fields |= {"holder": None if value is None else vars(value)}
        else:
            fields[name] = value
    return fields


def report_fields(report: Report) -> dict[str, Any]:
    """A report as JSON: bytes and seconds, in total and for each stage."""
    return {
        "bytes_in": report.bytes_in,
        "total": report.total,
        "bytes_out": report.bytes_out,
        "seconds": round(report.elapsed, 3),
        "bottleneck": report.bottleneck.name,
        "stages": [
            {
                "name": stage.name,
                "bytes_in": stage.bytes_in,
                "bytes_out": stage.bytes_out,
                "busy": round(stage.busy, 3),
                "waiting_for_input": round(stage.waiting_for_input, 3),
                "waiting_for_output": round(stage.waiting_for_output, 3),
            }
            for stage in report.stages
        ],
        "notes": report.notes,
    }
