"""A zpool as a pool of images: POOL/UUID with one snapshot, @final."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import ImgadmError, InternalError
from imgadm.base.logs import logger
from imgadm.base.programs.programs import Completed, program_environment, run_program, run_query
from imgadm.pools.base import Children, InstalledImage, Pool, Snapshot
from imgadm.pools.reception import LayerReception, Reception
from imgadm.pools.zpool.discovery import (
    COLUMNS,
    LISTING,
    FoundImage,
    find_images,
    names_below,
    zone_roots,
)
from imgadm.state.database import Database
from imgadm.state.summaries import FIELDS

if TYPE_CHECKING:
    from imgadm.pools.sending import MadeStream

_SIZE = re.compile(r"[0-9]{1,20}")

#: Seconds for which a dataset may stay busy after the process that received it was ended.
_BUSY_SECONDS = 5.0

#: Subcommands that change nothing, so that they may be given up.
_QUERIES = frozenset({"get", "list"})

#: What a ``zfs`` program says first if it cannot talk to the kernel: libzfs_error_init of OpenZFS.
_NO_KERNEL_PART = re.compile(
    r"The ZFS modules are not loaded|The ZFS modules cannot be auto-loaded"
    r"|/dev/zfs and /proc/self/mounts are required|Failed to initialize the libzfs library"
    r"|Permission denied the ZFS utilities must be run as root"
)


#: What ``zfs mount`` says of a dataset that is not to be mounted, or is already.
_HAS_NO_PLACE = re.compile(
    r"legacy mountpoint|no mountpoint set|'canmount' property|already mounted"
)

#: In the usage of ``zfs receive``; there has always been ``-o origin=SNAPSHOT`` besides.
_SETS_PROPERTIES = re.compile(r"\[-o <?property")


class ZfsHost:
    """The zpools of this host, by way of its ``zfs`` program."""

    def __init__(self, zfs: str, database: Database, mounts: Path | None = None) -> None:
        self.zfs = zfs
        self.database = database
        #: Below this, layers are unpacked: a directory that nobody else can look into.
        self.mounts = mounts

    def run(self, *arguments: str, bounded: bool = False) -> Completed:
        """Run ``zfs ARGUMENTS``. Raises InternalError where it cannot talk to the kernel.

        One that changes something is waited for, however long that takes, unless it is ``bounded``
        as queries are.
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
        """Destroy what is no image yet, with all below it, if it is there; never raises.

        It may be busy for a while after the process that wrote to it was ended. What stays is told
        in the log.
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
        return self.run("list", "-H", "-o", "name", dataset).status == 0

    def _destroyed(self, dataset: str) -> bool:
        # No signal is heard meanwhile: a zfs that hangs must not hold us for ever.
        return self.run("destroy", "-r", dataset, bounded=True).status == 0

    @cached_property
    def found(self) -> list[FoundImage]:
        """All images of the host, as they were when this was first asked for."""
        listing = self.run(*LISTING, COLUMNS).check("could not load images")
        return self.images_in(listing)

    def images_in(self, listing: Completed) -> list[FoundImage]:
        """The images in a listing that has the columns of :data:`COLUMNS`."""
        return find_images(
            listing, zone_roots(), self.database.has, logger().warning, self._ignored_by_its_stream
        )

    def _ignored_by_its_stream(self, dataset: str) -> bool:
        answer = self.run("get", "-H", "-p", "-o", "source", "imgadm:ignore", dataset)
        return answer.status == 0 and answer.stdout.strip() == "received"

    def mount(self, dataset: str) -> None:
        """Mount a new image where it belongs; where that is nowhere, it can be cloned all the same.

        Never raises for what ``zfs`` says; it is told in the log.
        """
        mounted = self.run("mount", dataset)
        if mounted.status != 0 and not _HAS_NO_PLACE.search(mounted.stderr):
            logger().warning(f'could not mount "{dataset}": {mounted.stderr.strip()}')

    @cached_property
    def takes_properties(self) -> bool:
        """Whether ``zfs receive`` knows ``-o PROPERTY=VALUE``, as its usage tells.

        That of illumos did not for long.
        """
        usage = self.run("receive", bounded=True)
        return bool(_SETS_PROPERTIES.search(usage.stderr + usage.stdout))

    def pools(self, *, recorded: bool = False) -> list[Pool]:
        """Every zpool that has an image, and, if ``recorded``, those that just have records."""
        names = [image.pool for image in self.found]
        if recorded:
            names += [pool for pool, _ in self.database.names()]
        return [ZfsPool(self, name) for name in dict.fromkeys(names)]


class ZfsPool(Pool):
    """One zpool."""

    def __init__(self, host: ZfsHost, name: str) -> None:
        self.name = name
        self._host = host

    def get(self, uuid: str) -> InstalledImage | None:
        dataset = self.dataset(uuid)
        if not self._exists(dataset):
            return None
        listing = self._host.run(*LISTING, COLUMNS, "-r", "-d", "1", dataset)
        if listing.status != 0:
            raise self._query_error(listing)
        found = self._host.images_in(listing)
        images = (image for image in found if (image.pool, image.uuid) == (self.name, uuid))
        image = next(images, None)
        return None if image is None else replace(self._installed(image), clones=None)

    def _exists(self, dataset: str) -> bool:
        answer = self._host.run("list", "-H", "-p", "-o", "name", dataset)
        if answer.status not in (0, 1) or (answer.status == 1 and not _says_missing(answer)):
            raise self._query_error(answer)
        return answer.status == 0

    def _query_error(self, answer: Completed) -> InternalError:
        first_line = answer.stderr.strip().partition("\n")[0]
        return InternalError(f'error running "{" ".join(answer.argv)}": {first_line}')

    def _installed(self, found: FoundImage) -> InstalledImage:
        image = self._recorded(found.uuid)
        image.clones, image.created, image.doubtful = found.clones, found.created, found.doubtful
        return image

    def _recorded(self, uuid: str) -> InstalledImage:
        record = self._host.database.read(self.name, uuid)
        if record is None:
            return InstalledImage({"uuid": uuid}, self.name)
        return InstalledImage(record.manifest, self.name, record.source, None, record.extra)

    def images(self) -> Sequence[InstalledImage]:
        return [self._installed(image) for image in self._found()]

    def _found(self) -> Sequence[FoundImage]:
        return [image for image in self._host.found if image.pool == self.name]

    def summaries(self, fields: AbstractSet[str]) -> Sequence[InstalledImage]:
        if not fields <= FIELDS:
            return self.images()
        found = self._found()
        uuids = [image.uuid for image in found]
        summaries = self._host.database.summaries(self.name, uuids)
        return [
            InstalledImage(
                {"uuid": image.uuid} if summary is None else summary.manifest,
                self.name,
                None if summary is None else summary.source,
                image.clones,
                created=image.created,
                doubtful=image.doubtful,
            )
            for image, summary in zip(found, summaries, strict=True)
        ]

    def orphans(self) -> Sequence[InstalledImage]:
        recorded = [uuid for pool, uuid in self._host.database.names() if pool == self.name]
        if not recorded or not self._exists(self.name):
            return ()
        options = ("-t", "filesystem,volume", "-pHr", "-d", "1", "-o", "name")
        listing = self._host.run("list", *options, self.name)
        if listing.status != 0:
            raise self._query_error(listing)
        there = set(listing.stdout.splitlines())
        return [self._recorded(uuid) for uuid in recorded if self.dataset(uuid) not in there]

    def forget(self, uuid: str) -> None:
        self._host.database.remove(self.name, uuid)

    def children(self, uuid: str) -> Children:
        dataset = self.dataset(uuid)
        below = self._host.run("list", "-t", "all", "-pHr", "-o", "name", dataset)
        origins = self._host.run("list", "-t", "filesystem,volume", "-o", "origin,name", "-pH")
        for answer in (below, origins):
            if answer.status != 0:
                raise self._query_error(answer)
        return Children(
            snapshots=tuple(name for name in names_below(below, dataset) if "@" in name),
            clones=tuple(
                name
                for origin, name in origins.rows(2)
                if origin.startswith((f"{dataset}@", f"{dataset}/"))
            ),
        )

    def snapshots(self, image: InstalledImage) -> Sequence[Snapshot]:
        options = ("-t", "snapshot", "-pHr", "-d", "1", "-o", "name,guid")
        listing = self._host.run("list", *options, self.dataset(image.uuid))
        if listing.status != 0:
            raise self._query_error(listing)
        return [Snapshot(name, guid) for name, guid in listing.rows(2)]

    def name_final(self, image: InstalledImage, snapshot: str) -> None:
        final = f"{self.dataset(image.uuid)}@final"
        renamed = self._host.run("rename", "-r", snapshot, final)
        renamed.check(f'error renaming "{snapshot}" to "{final}"')

    def record(
        self, image: InstalledImage, manifest: Mapping[str, Any], *, source: str | None
    ) -> None:
        self._host.database.write(self.name, manifest, source, extra=image.extra)

    def check(self) -> None:
        answer = self._host.run("list", "-H", "-p", "-o", "name", self.name)
        if answer.status != 0:
            reason = answer.stderr.strip().partition("\n")[0]
            raise InternalError(
                f'cannot use zpool "{self.name}": {reason}; name another with -P, or a directory: '
                "-P /a/path, or IMGADM_POOL=/a/path"
            )

    def available(self) -> int | None:
        answer = self._host.run("list", "-H", "-p", "-o", "available", self.name)
        value = answer.stdout.strip()
        return int(value) if answer.status == 0 and _SIZE.fullmatch(value) else None

    def receive(
        self, manifest: dict[str, Any], *, source: str | None, origin: InstalledImage | None
    ) -> Reception:
        from imgadm.pools.zpool.reception import ZfsReception

        snapshot = None if origin is None else f"{self.dataset(origin.uuid)}@final"
        reception = ZfsReception(self._host, self.name, manifest, source, snapshot)
        reception.roll_back()
        return reception

    def receive_layers(
        self,
        manifests: Sequence[dict[str, Any]],
        *,
        source: str | None,
        base: InstalledImage | None,
    ) -> LayerReception:
        from imgadm.pools.zpool.layers import ZfsLayerReception

        return ZfsLayerReception(self._host, self.name, manifests, source, base)

    def lacks_root(self, image: InstalledImage) -> bool:
        return False

    def send(self, image: InstalledImage) -> MadeStream:
        from imgadm.pools.sending import MadeStream, program_output

        snapshot = f"{self.dataset(image.uuid)}@final"
        base = image.manifest.get("origin")
        options = ["-i", f"{self.dataset(base)}@final"] if base else []
        argv = [self._host.zfs, "send", *options, snapshot]
        return MadeStream(program_output(argv), repeatable=False)

    def delete(self, uuid: str) -> None:
        destroyed = self._host.run("destroy", "-r", self.dataset(uuid))
        destroyed.check(f'error deleting image "{uuid}"')
        self._host.database.remove(self.name, uuid)

    def dataset(self, uuid: str) -> str:
        return f"{self.name}/{uuid}"


def _says_missing(answer: Completed) -> bool:
    return not answer.stderr.strip() or "does not exist" in answer.stderr
