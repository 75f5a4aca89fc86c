"""The ZFS of this host, by way of its ``zfs`` program."""

from __future__ import annotations

import re
import time
from functools import cached_property
from pathlib import Path

from imgadm.base.errors import ImgadmError, InternalError
from imgadm.base.logs import logger
from imgadm.base.programs.completed import Completed
from imgadm.base.programs.programs import program_environment, run_program, run_query
from imgadm.pools.zpool.discovery import COLUMNS, LISTING, FoundImage, find_images, zone_roots
from imgadm.state.database import Database

_BUSY_SECONDS = 5.0
"""The time for which a dataset may stay busy after the process that received it was ended."""

_QUERIES = frozenset({"get", "list"})
"""The subcommands that change nothing, so that giving up on them does no harm."""

_NO_KERNEL_PART = re.compile(
    r"The ZFS modules are not loaded|The ZFS modules cannot be auto-loaded"
    r"|/dev/zfs and /proc/self/mounts are required|Failed to initialize the libzfs library"
    r"|Permission denied the ZFS utilities must be run as root"
)
"""What a ``zfs`` program says first if it cannot talk to the kernel.

The texts are those of ``libzfs_error_init`` of OpenZFS.
"""

_HAS_NO_PLACE = re.compile(
    r"legacy mountpoint|no mountpoint set|'canmount' property|already mounted"
)
"""What ``zfs mount`` says of a dataset that should not be mounted, or is mounted already."""

_SETS_PROPERTIES = re.compile(r"\[-o <?property")
"""A part of the usage of a ``zfs receive`` that sets properties.

Every ``zfs receive`` has ``-o origin=SNAPSHOT``.
"""


class ZfsHost:
    """The zpools of this host.

    ``zfs`` is the path of the program. ``database`` has the records of images. ``mounts`` is a
    directory that no other user can look into: file systems that are being received are mounted
    below it. Without it no image can be received.
    """

    def __init__(self, zfs: str, database: Database, mounts: Path | None = None) -> None:
        self.zfs = zfs
        self.database = database
        self.mounts = mounts

    def run(self, *arguments: str, bounded: bool = False) -> Completed:
        """Run ``zfs ARGUMENTS``; raises InternalError if it cannot talk to the kernel.

        A query may only take a limited time. A subcommand that changes something may take any time,
        unless it is ``bounded`` as queries are.
        """
        run = run_query if bounded or arguments[0] in _QUERIES else run_program
        completed = run([self.zfs, *arguments], environment=program_environment())
        if completed.status != 0 and (problem := _NO_KERNEL_PART.match(completed.stderr)):
            raise InternalError(
                f"{self.zfs} does not work on this host: {problem[0]}; make it work, or use a "
                "directory as the pool: -P /a/path, or IMGADM_POOL=/a/path"
            )
        return completed

    def destroy_partial(self, dataset: str) -> None:
        """Destroy a dataset that is not an image yet, with all below it, if it exists.

        It may be busy for a while after the process that wrote to it was ended. Never raises: if
        the dataset stays, the log says that.
        """
        deadline = time.monotonic() + _BUSY_SECONDS
        try:
            while self.has(dataset) and not self._destroyed(dataset):
                if time.monotonic() >= deadline:
                    logger().warning(f'could not destroy "{dataset}"; destroy it by hand')
                    return
                time.sleep(0.2)
        except ImgadmError as error:
            logger().warning(f'could not destroy "{dataset}": {error}')

    def has(self, dataset: str) -> bool:
        """Tell whether a dataset exists."""
        return self.run("list", "-H", "-o", "name", dataset).status == 0

    def _destroyed(self, dataset: str) -> bool:
        # Signals wait meanwhile, so a zfs that hangs must not keep this process for ever.
        return self.run("destroy", "-r", dataset, bounded=True).status == 0

    @cached_property
    def found(self) -> list[FoundImage]:
        """All images of the host, as they were when this was first read."""
        listing = self.run(*LISTING, COLUMNS).check("could not load images")
        return self.images_in(listing)

    def images_in(self, listing: Completed) -> list[FoundImage]:
        """Return the images in a listing with the columns of :data:`COLUMNS`."""
        return find_images(
            listing, zone_roots(), self.database.has, logger().warning, self._ignored_by_its_stream
        )

    def _ignored_by_its_stream(self, dataset: str) -> bool:
        answer = self.run("get", "-H", "-p", "-o", "source", "imgadm:ignore", dataset)
        return answer.status == 0 and answer.stdout.strip() == "received"

    def mount(self, dataset: str) -> None:
        """Mount a new image at the mountpoint that the pool gives it.

        An image without a mountpoint, or one that cannot be mounted, can still be cloned. A failure
        of ``zfs`` only goes into the log.
        """
        mounted = self.run("mount", dataset)
        if mounted.status != 0 and not _HAS_NO_PLACE.search(mounted.stderr):
            logger().warning(f'could not mount "{dataset}": {mounted.stderr.strip()}')

    @cached_property
    def takes_properties(self) -> bool:
        """Whether ``zfs receive`` knows ``-o PROPERTY=VALUE``, according to its usage.

        The ``zfs`` of illumos did not know it for a long time.
        """
        usage = self.run("receive", bounded=True)
        return bool(_SETS_PROPERTIES.search(usage.stderr + usage.stdout))
