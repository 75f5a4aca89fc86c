"""The restoration of a machine after an image was made of it.

Every step can be repeated, whether it was done before or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from imgadm.base.errors import ImgadmError, MultiError
from imgadm.base.signals import run_beyond_signals
from imgadm.machines import Datasets, Vmadm
from imgadm.operations.creating.image_output import ImageOutput
from imgadm.operations.creating.machine_journal import Journal, JournalFile
from imgadm.operations.creating.prepare_machine import SCRIPT, traces
from imgadm.operations.events.creating import CreateEvent, MachineRestarting, RollingBack
from imgadm.operations.events.event import OnEvent


class Restoration:
    """The steps that put a machine back to the state that its journal describes.

    A step that fails does not stop the others, except that the machine is not started unless it was
    rolled back and has its quota again. If any step fails, the journal stays for the next run.
    """

    def __init__(
        self,
        machines: Vmadm,
        datasets: Datasets,
        file: JournalFile,
        on_event: OnEvent,
    ) -> None:
        self._machines = machines
        self._datasets = datasets
        self._file = file
        self._on_event = on_event
        # The error of the listener. The machine is put back before it is raised.
        self._raised: BaseException | None = None

    @contextmanager
    def afterwards(self) -> Iterator[None]:
        """Put the machine back when the block ends, however it ends.

        An exception of the block is raised again. If the machine could not be put back, an
        ImgadmError says so, too.
        """
        try:
            yield
        except BaseException as error:
            try:
                self.run()
            except ImgadmError as second:
                if isinstance(error, ImgadmError):
                    raise MultiError([error, second]) from error
                raise second from error
            raise
        self.run()

    def run(self) -> None:
        """Put everything back. A signal to end this process takes effect after that.

        Raises an ImgadmError if something could not be put back.
        """
        outcome: list[BaseException | None] = []

        def work() -> None:
            try:
                self._put_back()
            except BaseException as error:  # raised again below
                outcome.append(error)
            else:
                outcome.append(None)

        interruption: BaseException | None = None
        while not outcome:
            try:
                run_beyond_signals(work)
            except BaseException as error:
                interruption = error
        if (failure := outcome[0] or interruption) is not None:
            raise failure

    def _put_back(self) -> None:
        if self._journal is None:
            return
        errors = self._try(self._remove_final) + self._try(self._move_back)
        failed = self._try(self._roll_back)
        failed += self._try(self._restore_quota)
        if not failed:
            failed += self._try(self._restore_state)
        errors += failed + self._try(self._remove_files)
        if not errors:
            errors += self._try(self._file.end)
        if errors:
            raise errors[0] if len(errors) == 1 else MultiError(errors)
        if self._raised is not None:
            raise self._raised

    @property
    def _journal(self) -> Journal | None:
        return self._file.journal

    def _try(self, step: Callable[[], None]) -> list[ImgadmError]:
        try:
            step()
        except ImgadmError as error:
            return [error]
        return []

    def _tell(self, event: CreateEvent) -> None:
        try:
            self._on_event(event)
        except BaseException as error:  # raised again in the end
            self._raised = self._raised or error

    def _remove_final(self) -> None:
        final = self._known().final
        if final is not None and self._datasets.exists(final):
            self._datasets.destroy_snapshot(final)

    def _move_back(self) -> None:
        moved = self._known().moved
        if moved is None or not self._datasets.exists(moved):
            return
        self._datasets.rename(moved, f"{moved.partition('@')[0]}@final")

    def _roll_back(self) -> None:
        journal = self._known()
        if not journal.snapshots:
            return
        if not journal.rolled_back:
            self._tell(RollingBack(journal.machine))
            if not self._machines.get(journal.machine).is_stopped:
                self._machines.stop(journal.machine, force=True)
            for snapshot in filter(self._datasets.exists, journal.snapshots):
                self._datasets.roll_back(snapshot)
            # From here on others may use the machine. No later run may roll it back again.
            self._file.note(rolled_back=True)
        for snapshot in filter(self._datasets.exists, journal.snapshots):
            self._datasets.destroy_snapshot(snapshot)

    def _restore_quota(self) -> None:
        journal = self._known()
        if journal.quota is not None:
            value = "none" if journal.quota == "0" else journal.quota
            self._datasets.set(journal.dataset, "quota", value)

    def _restore_state(self) -> None:
        journal = self._known()
        if not journal.snapshots and journal.state == "stopped":
            return
        machine = self._machines.get(journal.machine)
        autoboot = machine.autoboot
        if new := [key for key in traces(machine) if key not in journal.metadata]:
            keys = [key for key in new if key != SCRIPT]
            change = {"remove_internal_metadata": [SCRIPT]} if SCRIPT in new else {}
            change |= {"remove_customer_metadata": keys} if keys else {}
            self._machines.update(journal.machine, change)
        if journal.state != "stopped" and machine.is_stopped:
            self._tell(MachineRestarting(journal.machine))
            self._machines.start(journal.machine)
            autoboot = True
        if journal.autoboot is not None and autoboot is not journal.autoboot:
            self._machines.update(journal.machine, {"autoboot": journal.autoboot})

    def _remove_files(self) -> None:
        files = self._known().files
        if files is not None:
            output = ImageOutput(files.manifest_path, files.file_path)
            output.remove_leftovers(new=files.new)

    def _known(self) -> Journal:
        assert self._journal is not None
        return self._journal
