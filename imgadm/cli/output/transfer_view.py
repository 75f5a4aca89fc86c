"""The events of an import, an installation or a publication as lines and progress bars."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from imgadm.base.redaction import redact_text
from imgadm.base.text import printable
from imgadm.cli.output.sizes import human_seconds, human_size
from imgadm.cli.output.waiting import show_waiting
from imgadm.operations.events.event import Event, LockAwaited, SourceFailed, Transferring
from imgadm.operations.events.importing import (
    Aborting,
    AlreadyInstalled,
    AncestorInstalled,
    AncestryWanted,
    FileVerified,
    ImageDoubted,
    ImageInstalled,
    ImportBegins,
    InstallBegins,
    InstalledMeanwhile,
    LayerInstalled,
    ProgramSaid,
    TransferPlanned,
)
from imgadm.operations.events.publishing import (
    FileAdded,
    ImageActivated,
    ImagePublished,
    ManifestAccepted,
    RemainsOnServer,
)

if TYPE_CHECKING:
    from imgadm.cli.output.transfer_bar import TransferBar
    from imgadm.manifest import Manifest
    from imgadm.pools.images import InstalledImage
    from imgadm.streams import Report


_SHOWN_ABOVE_THE_BAR = (Transferring, FileVerified, LayerInstalled)
"""The events that do not end the bar."""


class View(Protocol):
    """A context manager that shows the events it is called with.

    It gets the exception that leaves its ``with`` block, and may show it, too.
    """

    def __call__(self, event: Event) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def choose_view(command: str, *, quiet: bool, as_json: bool) -> View:
    """Return the view for ``command``: JSON, bars on a terminal that can show them, or lines."""
    if as_json:
        from imgadm.cli.output.transfer_events import JsonView

        return JsonView()
    if quiet or not sys.stderr.isatty():
        return LineView(command)
    if os.environ.get("TERM", "dumb") == "dumb":
        return SummaryView(command)
    return BarView(command)


def title(image: Manifest) -> str:
    """Return UUID, name and version of ``image``."""
    return f"{image.uuid} ({image.name}@{image.version})"


def installed_title(image: InstalledImage, joint: str = " ") -> str:
    """Return UUID, name and version, with ``joint`` between the two, of an installed image."""
    name = image.manifest.get("name")
    return f"{image.uuid} ({name}{joint}{image.manifest.get('version')})" if name else image.uuid


class LineView:
    """A view with the lines that scripts know on stdout, and warnings on stderr."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Do nothing, since lines need no end."""

    def __call__(self, event: Event) -> None:
        match event:
            case AlreadyInstalled(installed, str(source)):
                called = installed_title(installed, "@")
                self.say(f"Image {called} is already installed from {source}")
            case AlreadyInstalled(installed):
                self.say(f"Image {installed_title(installed)} is already installed, skipping")
            case ImportBegins(image, url, channel, reference):
                suffix = "" if channel is None else f', channel "{channel}"'
                called = f"{image.uuid} ({reference})" if reference else title(image)
                self.say(f'Importing {called} from "{url}"{suffix}')
            case InstallBegins(image):
                self.say(f"Installing image {title(image)}")
            case AncestryWanted(uuid):
                self.say(f"Gather image {uuid} ancestry")
            case AncestorInstalled(uuid):
                self.say(f"Image {uuid} already installed")
            case LockAwaited(uuid, holder):
                show_waiting(uuid, holder)
            case InstalledMeanwhile(image):
                done = "installed" if self._command == "install" else "imported"
                self.say(f"Image {title(image)} was {done} while waiting on lock")
            case TransferPlanned(count, size):
                images = "image" if count == 1 else "images"
                suffix = "" if size is None else f" ({human_size(size)})"
                self.say(f"Must download and install {count} {images}{suffix}")
            case FileVerified(image, size):
                if self._command != "install":
                    self.say(f"Downloaded image {image.uuid} ({human_size(size)})")
            case LayerInstalled(image):
                self.say(f"Imported image {title(image)}")
            case ImageInstalled(image, report):
                done = "Installed" if self._command == "install" else "Imported"
                self.say(f"{done} image {title(image)}")
                self.summarise(report)
            case ManifestAccepted(uuid, name, version, state):
                self.say(f"Imported image {uuid} ({name}, {version}, state={state})")
            case FileAdded(image, file, compression):
                self.say(f'Added file "{file}" (compression "{compression}") to image {image.uuid}')
                self.summarise(event.report)
            case ImageActivated(image):
                self.say(f"Activated image {image.uuid}")
            case ImagePublished(image, url):
                self.say(f"Successfully published image {image.uuid} to {url}")
            case RemainsOnServer(uuid, message):
                why = redact_text(message)
                self.say(f"Warning: Could not delete partially published image {uuid}: {why}")
            case SourceFailed(message) | ImageDoubted(message=message):
                self.warn(message)
            case ProgramSaid(program, text):
                self.tell(f"Stderr from {program}: {text}\n")
            case Aborting(message):
                if self._command != "install":
                    self.say(f"Aborting ({redact_text(message)})")
            case Transferring(image, report):
                self.progress(image, report)

    def say(self, line: str) -> None:
        """Print ``line`` on stdout."""
        print(printable(line, keep="\n\t"), flush=True)

    def tell(self, text: str) -> None:
        """Print ``text`` on stderr, without secrets."""
        print(printable(redact_text(text), keep="\n\t"), file=sys.stderr, flush=True)

    def warn(self, message: str) -> None:
        """Print a warning on stderr."""
        self.tell(f"imgadm {self._command}: warning: {message}")

    def progress(self, image: Manifest, report: Report) -> None:
        """Show the progress of ``image``. Lines do not show it."""

    def summarise(self, report: Report) -> None:
        """Print the notes of ``report`` as warnings."""
        for note in report.notes:
            self.warn(note)


class SummaryView(LineView):
    """A view that also prints size, duration, speed and bottleneck of each image."""

    def summarise(self, report: Report) -> None:
        super().summarise(report)
        self.tell(summary_line(report))


class BarView(SummaryView):
    """A view that also shows a progress bar for each image."""

    def __init__(self, command: str) -> None:
        super().__init__(command)
        self._bar: TransferBar | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def __call__(self, event: Event) -> None:
        if not isinstance(event, _SHOWN_ABOVE_THE_BAR):
            self._close()
        super().__call__(event)

    def say(self, line: str) -> None:
        if self._bar is None:
            super().say(line)
        else:
            self._bar.print_above(line)

    def progress(self, image: Manifest, report: Report) -> None:
        if self._bar is None:
            from imgadm.cli.output.transfer_bar import TransferBar

            self._bar = TransferBar(_brief_name(image), report.total)
        self._bar.update(report.progress - self._bar.n)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _brief_name(image: Manifest) -> str:
    """Return a short name of ``image``: for a container image, the last part of its repository."""
    tags = image.raw.get("tags")
    repository = tags.get("docker:repo") if isinstance(tags, dict) else None
    if isinstance(repository, str):
        return repository.rpartition("/")[2]
    return image.name


def summary_line(report: Report) -> str:
    """Return a line with size, duration and speed, and the stage that slowed the others down."""
    elapsed = max(report.elapsed, 1e-9)
    slowest = report.bottleneck
    rate = human_size(int(report.bytes_out / elapsed))
    return (
        f"    {human_size(report.bytes_out)} in {human_seconds(elapsed)} ({rate}/s), "
        f"bottleneck: {slowest.name}, {min(100, round(100 * slowest.busy / elapsed))}% busy"
    )
