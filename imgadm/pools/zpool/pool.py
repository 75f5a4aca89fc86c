"""A zpool as a pool of images: each is a dataset ``POOL/UUID`` with one snapshot, ``@final``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import InternalError
from imgadm.base.programs.completed import Completed
from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage
from imgadm.pools.reception import LayerReception, Reception
from imgadm.pools.relatives import Children, ImageSnapshot
from imgadm.pools.zpool.discovery import COLUMNS, LISTING, FoundImage, names_below
from imgadm.pools.zpool.host import ZfsHost
from imgadm.state.summaries import SUMMARY_FIELDS

if TYPE_CHECKING:
    from imgadm.pools.sending import MadeStream

_SIZE = re.compile(r"[0-9]{1,20}")


class ZfsPool(Pool):
    """The zpool ``name`` of ``host``."""

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
        if not fields <= SUMMARY_FIELDS:
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

    def snapshots(self, image: InstalledImage) -> Sequence[ImageSnapshot]:
        options = ("-t", "snapshot", "-pHr", "-d", "1", "-o", "name,guid")
        listing = self._host.run("list", *options, self.dataset(image.uuid))
        if listing.status != 0:
            raise self._query_error(listing)
        return [ImageSnapshot(name, guid) for name, guid in listing.rows(2)]

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

    def send(self, image: InstalledImage) -> MadeStream:
        from imgadm.base.programs.program_stream import stream_program
        from imgadm.pools.sending import MadeStream

        snapshot = f"{self.dataset(image.uuid)}@final"
        base = image.manifest.get("origin")
        options = ["-i", f"{self.dataset(base)}@final"] if base else []
        argv = [self._host.zfs, "send", *options, snapshot]
        return MadeStream(stream_program(argv), repeatable=False)

    def delete(self, uuid: str) -> None:
        destroyed = self._host.run("destroy", "-r", self.dataset(uuid))
        destroyed.check(f'error deleting image "{uuid}"')
        self._host.database.remove(self.name, uuid)

    def dataset(self, uuid: str) -> str:
        """Return the name of the dataset of an image."""
        return f"{self.name}/{uuid}"


def pools_of(host: ZfsHost, *, recorded: bool) -> list[Pool]:
    """Return every zpool that has an image; if ``recorded``, also those that only have records."""
    names = [image.pool for image in host.found]
    if recorded:
        names += [pool for pool, _ in host.database.names()]
    return [ZfsPool(host, name) for name in dict.fromkeys(names)]


def _says_missing(answer: Completed) -> bool:
    return not answer.stderr.strip() or "does not exist" in answer.stderr
