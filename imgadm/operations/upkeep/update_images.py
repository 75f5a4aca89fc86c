"""The update of the records and snapshots of installed images from the sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imgadm.base.errors import ImgadmError, UsageError
from imgadm.base.locks.command_locks import Locks
from imgadm.operations.ask_servers import combined
from imgadm.operations.errors import ImageNotInstalledError
from imgadm.operations.events.event import LockAwaited, OnEvent, SourceFailed
from imgadm.operations.events.upkeep import NotInSources
from imgadm.operations.upkeep.image_lookup import Found, ImageLookup, look_up_images
from imgadm.operations.upkeep.update_plan import Plan, plan_update
from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage
from imgadm.sources import Source, SourceError

Target = tuple[Pool, InstalledImage]
"""An image to update, and its pool."""


@dataclass(frozen=True)
class UpdateOptions:
    """The options of an update. A ``dry_run`` tells what would change, and changes nothing."""

    locks: Locks
    dry_run: bool = False


def update_images(
    pools: Sequence[Pool],
    uuids: Sequence[str],
    open_sources: Callable[[], Sequence[Source]],
    options: UpdateOptions,
    on_event: OnEvent,
) -> None:
    """Update the images ``uuids`` on all of ``pools``, or all images if ``uuids`` is empty.

    ``open_sources`` is called only if there is an image to update. ``on_event`` gets each event at
    once. An image that cannot be updated does not stop the others; its error is raised at the end.
    Raises UsageError, before any change, if an image is not installed.
    """
    targets = _targets(pools, uuids)
    if not targets:
        return
    wanted = dict.fromkeys(image.uuid for _, image in targets)
    answers = look_up_images(open_sources(), wanted)
    known: dict[str, ImageLookup] = {}
    update = _Update(options, on_event)
    for pool, image in targets:
        if image.uuid not in known:
            known[image.uuid] = next(answers)
        update.image(pool, image, known[image.uuid])
    update.finish()


def _targets(pools: Sequence[Pool], uuids: Sequence[str]) -> list[Target]:
    installed = [(pool, image) for pool in pools for image in pool.images()]
    if not uuids:
        return installed
    by_uuid: dict[str, list[Target]] = {}
    for pool, image in installed:
        by_uuid.setdefault(image.uuid, []).append((pool, image))
    unknown = [uuid for uuid in uuids if uuid not in by_uuid]
    if unknown:
        raise UsageError(f"no installed image with the given UUID(s): {', '.join(unknown)}")
    return [target for uuid in dict.fromkeys(uuids) for target in by_uuid[uuid]]


class _Update:
    """One run, with the errors so far."""

    def __init__(self, options: UpdateOptions, on_event: OnEvent) -> None:
        self._options = options
        self._on_event = on_event
        self._warned: set[str] = set()
        self._failures: dict[str, tuple[ImgadmError, list[str]]] = {}

    def image(self, pool: Pool, image: InstalledImage, answer: ImageLookup) -> None:
        """Update one image from ``answer``, the outcome of its look-up."""
        if answer.found is not None:
            for failure in answer.failures:
                self._warn(failure.message)
            try:
                self._update(pool, image, answer.found)
            except ImgadmError as error:
                self._fail(image.uuid, error)
        elif answer.failures:
            for failure in answer.failures:
                self._fail(image.uuid, failure)
        elif image.manifest.get("type") != "docker":
            self._on_event(NotInSources(image.uuid))

    def finish(self) -> None:
        """Raise the errors of the run, if there were any."""
        if self._failures:
            raise combined([_told(*failure) for failure in self._failures.values()])

    def _update(self, pool: Pool, image: InstalledImage, found: Found) -> None:
        plan = plan_update(pool, image, found)
        if self._options.dry_run or not plan.changes_something:
            self._carry_out(plan, pool, image, found)
            return
        with self._options.locks.image(
            pool,
            image.uuid,
            on_wait=lambda holder: self._on_event(LockAwaited(image.uuid, holder)),
        ):
            current = pool.get(image.uuid)
            if current is None:
                raise ImageNotInstalledError(image.uuid, pool.name)
            self._carry_out(plan_update(pool, current, found), pool, current, found)

    def _carry_out(self, plan: Plan, pool: Pool, image: InstalledImage, found: Found) -> None:
        """Make each change, unless this is a dry run, and send its event."""
        for_real = not self._options.dry_run
        if plan.manifest is not None:
            if for_real:
                pool.record(image, found.image.raw, source=found.source.url)
            self._on_event(plan.manifest)
        if plan.snapshot is not None:
            if for_real:
                pool.name_final(image, plan.snapshot.old)
            self._on_event(plan.snapshot)
        if isinstance(plan.obstacle, ImgadmError):
            raise plan.obstacle
        if plan.obstacle is not None:
            self._on_event(plan.obstacle)

    def _warn(self, message: str) -> None:
        """Report the failure of a source once, even if it fails for each image."""
        if message not in self._warned:
            self._warned.add(message)
            self._on_event(SourceFailed(message))

    def _fail(self, uuid: str, error: ImgadmError) -> None:
        """Keep an error; one that several images have in common is kept once, with their UUIDs."""
        _, uuids = self._failures.setdefault(error.message, (error, []))
        if uuid not in uuids:
            uuids.append(uuid)


def _told(error: ImgadmError, uuids: Sequence[str]) -> ImgadmError:
    """Return ``error`` with the UUIDs of the images that were not updated because of it.

    An error about one image names that image already.
    """
    about_source = isinstance(error, SourceError) and error.image is None
    if len(uuids) == 1 and not about_source:
        return error
    message = f"{error.message}; not updated: {', '.join(uuids)}"
    return ImgadmError(message, code=error.code, cause=error)
