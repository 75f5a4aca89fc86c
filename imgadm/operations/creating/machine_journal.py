"""What has to be put back of a machine, written down before it is changed.

One file per machine, in the state directory. Whoever holds the machine's lock and finds the file
knows that the process that wrote it has died before it had put the machine back.
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
    """The files that an image is written to; ``new`` if they were not there before."""

    manifest_path: str
    file_path: str
    new: bool


@dataclass(frozen=True)
class Journal:
    """A machine as it was, and what may have been made of it since.

    ``machine``, ``state`` and ``autoboot`` (None: nobody knows) are those of before, ``quota`` too
    where it was lifted from ``dataset``. ``metadata`` has the names of keys that the machine had.
    ``snapshots`` are to go back to, or, once the machine is ``rolled_back``, to be destroyed.
    ``final`` is the snapshot that is sent, ``moved`` the new name of an older one that was called
    so. ``program`` is the process that was started last to change something.
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
    """The journal of one machine: ``journal`` is what the file says, None if there is no file."""

    path: Path
    journal: Journal | None = field(default=None)

    @classmethod
    def of(cls, directory: Path, machine: str) -> JournalFile:
        """Read the journal that is there. Raises InternalError if it can't be understood."""
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
        """Write the first version. Raises FileSystemError; nothing may be changed then."""
        self._write(journal)
        self.journal = journal

    def note(self, **changes: Any) -> None:
        """Add to what is known. Raises FileSystemError; memory has it even so."""
        assert self.journal is not None
        self.journal = replace(self.journal, **changes)
        self._write(self.journal)

    def note_program(self, pid: int) -> None:
        """Remember a program that may outlive this process. That this fails stops nothing."""
        if self.journal is not None:
            with contextlib.suppress(FileSystemError):
                self.note(program=pid)

    def end(self) -> None:
        """Forget everything: the machine is as it was. Raises FileSystemError.

        A run that was killed while it wrote the journal has left half a version, which goes too:
        nobody else writes here while the machine's lock is held.
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
