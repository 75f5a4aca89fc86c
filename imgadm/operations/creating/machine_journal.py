"""The journal of a machine: its state before a run, written before the run changes it.

There is one file for each machine, in the state directory. A process that holds the machine's lock
and finds the file knows that the process which wrote it died before it had put the machine back.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from imgadm.base.errors import FileSystemError, InternalError
from imgadm.base.files.creation import remove_hidden_partials
from imgadm.base.files.replacement import read_or_none, remove_durably, write_atomically


@dataclass(frozen=True)
class Files:
    """The two files that an image is written to; ``new`` if neither was there before."""

    manifest_path: str
    file_path: str
    new: bool


@dataclass(frozen=True)
class Journal:
    """The state of a machine before a run, and the changes that the run may have made.

    ``machine`` is its UUID and ``command`` the run that changes it. ``state``, ``autoboot`` (None
    if unknown) and the ``quota`` of ``dataset`` are the values before the run; ``quota`` is None
    unless the run has lifted it. ``metadata`` are the metadata keys of a preparation that the
    machine had before. ``snapshots`` are the snapshots to roll back to. Once the machine is
    ``rolled_back``, they are to be destroyed. ``final`` is the snapshot to send. ``moved`` is the
    name to which the run renamed an older snapshot of that name. ``files`` are the files that the
    image is written to. ``program`` is the id of the process that was started last to change
    something.
    """

    machine: str
    command: str
    state: str
    dataset: str
    autoboot: bool | None = None
    quota: str | None = None
    metadata: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()
    rolled_back: bool = False
    final: str | None = None
    moved: str | None = None
    files: Files | None = None
    program: int | None = None


@dataclass
class JournalFile:
    """The file at ``path`` and the ``journal`` in it, None if there is no file."""

    path: Path
    journal: Journal | None = field(default=None)

    @classmethod
    def of(cls, directory: Path, machine: str) -> JournalFile:
        """Return the journal of ``machine``; raise InternalError if it is damaged."""
        path = directory / f"{machine}.json"
        content = read_or_none(path)
        if content is None:
            return cls(path)
        try:
            return cls(path, _parse(json.loads(content), machine))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InternalError(
                f'an earlier run left "{path}", which says how to put vm {machine} back, and it is '
                "damaged: look after the machine and its snapshots, then remove the file",
                cause=error,
            ) from error

    def begin(self, journal: Journal) -> None:
        """Write the first version; after a FileSystemError the machine may not be changed."""
        self._write(journal)
        self.journal = journal

    def note(self, **changes: Any) -> None:
        """Change fields of the journal, in memory even if writing raises FileSystemError."""
        assert self.journal is not None
        self.journal = replace(self.journal, **changes)
        self._write(self.journal)

    def note_program(self, pid: int) -> None:
        """Note the id of a program that may outlive this process. Never raises."""
        if self.journal is not None:
            with contextlib.suppress(FileSystemError):
                self.note(program=pid)

    def end(self) -> None:
        """Remove the file, because the machine is as it was; raise FileSystemError.

        Unfinished versions of runs that were killed while they wrote the journal are removed, too.
        The caller holds the machine's lock, so no other process writes here.
        """
        remove_hidden_partials(self.path)
        remove_durably(self.path)
        self.journal = None

    def _write(self, journal: Journal) -> None:
        content = json.dumps(asdict(journal), indent=2).encode()
        write_atomically(self.path, content, private=True)


def _parse(value: dict[str, Any], machine: str) -> Journal:
    files = value.pop("files")
    names = ("metadata", "snapshots")
    journal = Journal(
        **{**value, **{name: tuple(value[name]) for name in names}},
        files=None if files is None else Files(**files),
    )
    if not isinstance(journal.program, int | None):
        raise TypeError("a process id is a number")
    strings = [journal.state, journal.dataset, *journal.snapshots]
    strings += [it for it in (journal.final, journal.moved, journal.quota) if it is not None]
    if journal.machine != machine or not all(isinstance(it, str) for it in strings):
        raise ValueError("not about this machine")
    return journal
