"""The reception of layers into a pool, each of which becomes an image.

Several are downloaded at a time. They are unpacked one on top of the other, base first.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from imgadm import streams
from imgadm.base.errors import ImgadmError
from imgadm.layers import LayerError, Limits, unpack_layer
from imgadm.manifest import Manifest
from imgadm.operations.events.event import OnEvent, Transferring
from imgadm.operations.events.importing import FileVerified, ImageInstalled, LayerInstalled
from imgadm.operations.failures import (
    explain_layer,
    explain_reception,
    explain_stored_layer,
)
from imgadm.operations.importing.layer_fetches import AT_ONCE, Failure, IncomingLayer, LayerFetches
from imgadm.operations.importing.layer_trust import (
    check_claims,
    check_layer_name,
    installed_digests,
)
from imgadm.operations.importing.layers_report import LayersReport
from imgadm.operations.watched_pipeline import run_watched
from imgadm.pools.base import Pool
from imgadm.pools.images import InstalledImage
from imgadm.pools.reception import LayerReception
from imgadm.streams.engine.outcome import DIAGNOSIS_SECONDS


def receive_layers(
    pool: Pool,
    layers: Sequence[IncomingLayer],
    *,
    source: str | None,
    base: InstalledImage | None,
    on_event: OnEvent,
    below: Sequence[str] | None = None,
    local_file: Path | None = None,
) -> None:
    """Receive ``layers``, base first, on top of ``base``; the last becomes the wanted image.

    ``below`` are the digests of the layers of ``base``, if the caller has verified them. None takes
    them from the records of ``base``, which have to prove them. Each image appears whole or not at
    all, after those below it, and only if its UUID is made of the digests. The caller holds the
    locks of all of them. ``source`` is the URL to record, None for a local file. ``local_file`` is
    the file on this host that the one layer comes from, which errors then name. Raises an
    ImgadmError for any failure; images that were complete stay.
    """
    digests = installed_digests(pool, base) if below is None else list(below)
    check_claims([layer.image for layer in layers], digests)
    head = layers[-1].image
    sizes = [layer.size for layer in layers]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    report = LayersReport(min(AT_ONCE, len(layers)), total)
    manifests = [dict(layer.image.raw) for layer in layers]
    with pool.receive_layers(manifests, source=source, base=base) as reception:
        begun = report.fetches.append
        with LayerFetches(layers, reception.waiting_room, reception.find, begun) as fetches:
            watch = _Watch(pool, head, fetches, report, on_event, local_file)
            _unpack_beneath(pool, reception, watch)
            for index, layer in enumerate(layers):
                _receive_one(pool, reception, index, layer, watch, digests)
                if index < len(layers) - 1:
                    on_event(LayerInstalled(layer.image))
            report.end()
    on_event(ImageInstalled(head, report))


def make_root(pool: Pool, image: InstalledImage, manifest: Manifest, on_event: OnEvent) -> None:
    """Give an installed image that the pool keeps only as a layer its file tree.

    The events show the image by ``manifest``. The caller holds the lock of the image. After an
    ImgadmError the image is unchanged.
    """
    report = LayersReport(1)
    with pool.receive_layers((), source=None, base=image) as reception:
        fetches = LayerFetches((), reception.waiting_room, reception.find, report.fetches.append)
        _unpack_beneath(pool, reception, _Watch(pool, manifest, fetches, report, on_event, None))
        reception.commit_root()
    report.end()
    on_event(ImageInstalled(manifest, report))


class _Watch:
    """The progress of all downloads while one layer is unpacked, reported as events."""

    def __init__(
        self,
        pool: Pool,
        head: Manifest,
        fetches: LayerFetches,
        report: LayersReport,
        on_event: OnEvent,
        local_file: Path | None,
    ) -> None:
        self.local_file = local_file
        self.fetches = fetches
        self.report = report
        self._pool = pool
        self._head = head
        self._on_event = on_event
        self._current: streams.Report | None = None
        # True while a layer that was on the pool before is unpacked.
        self.is_beneath = False

    def __call__(self, report: streams.Report | None = None) -> None:
        """Send events about all progress. Raises the error of a layer that did not arrive."""
        if report is not None and report is not self._current:
            self._current = report
            (self.report.others if self.is_beneath else self.report.unpackings).append(report)
        if (failure := self.fetches.failure()) is not None:
            raise self._error_for(failure) from failure.error
        for image, size in self.fetches.newly_verified():
            self._on_event(FileVerified(image, size))
        self._on_event(Transferring(self._head, self.report))

    def _error_for(self, failure: Failure) -> BaseException:
        """Return the exception to raise for a layer that did not arrive."""
        error, uuid = failure.error, failure.layer.image.uuid
        if failure.copy is not None:
            return explain_stored_layer(error, failure.copy, uuid, self._pool.name)
        if isinstance(error, streams.StreamError | OSError):
            return explain_reception(error, uuid, self._pool.name, local_file=self.local_file)
        return error


def _unpack_beneath(pool: Pool, reception: LayerReception, watch: _Watch) -> None:
    watch.is_beneath = True
    for stored in reception.beneath():
        facts = stored.facts
        algorithm, _, digest = facts.digest.partition(":")
        _unpack(
            pool,
            reception.begin(None),
            streams.read_file(stored.path),
            streams.checksum(algorithm, expected=digest, size=facts.size),
            compression=facts.compression,
            diff_id=facts.diff_id,
            watch=watch,
            explain=partial(
                explain_stored_layer, path=stored.path, uuid=stored.image.uuid, pool=pool.name
            ),
        )
    watch.is_beneath = False


def _receive_one(
    pool: Pool,
    reception: LayerReception,
    index: int,
    layer: IncomingLayer,
    watch: _Watch,
    digests: list[str],
) -> None:
    """Receive one layer on top of those with ``digests``, and add its digest to them."""
    fetches = watch.fetches
    spool = fetches.spool(index)
    root = reception.begin(layer.image.uuid)

    def explain(error: streams.StreamError | OSError) -> ImgadmError:
        # The error of a damaged transfer explains more than that of a damaged archive.
        fetches.settle(index, DIAGNOSIS_SECONDS)
        watch()
        return explain_layer(error, layer.image.uuid, pool.name, local_file=watch.local_file)

    report = _unpack(
        pool,
        root,
        spool.reader(),
        compression=None,
        diff_id=layer.diff_id,
        watch=watch,
        explain=explain,
    )
    while not fetches.has_ended(index):
        watch()
    watch()
    compression = report.facts["compression"]
    if layer.compression not in (None, compression):
        watch.report.own_notes.append(
            f"the layer of image {layer.image.uuid} is called "
            f"{_described(layer.compression)}, but is {_described(compression)}"
        )
    facts = fetches.layer_facts(index, layer, compression)
    digests.append(facts.digest)
    check_layer_name(layer.image.uuid, digests)
    keep = fetches.is_needed_after(index)
    reception.commit(layer.image.uuid, spool.path, facts, keep=keep)


def _unpack(
    pool: Pool,
    root: Path,
    *source: streams.Stage,
    compression: str | None,
    diff_id: str | None,
    watch: _Watch,
    explain: Callable[[streams.StreamError | OSError], ImgadmError],
) -> streams.Report:
    stages = [*source, streams.decompress(compression, exact=True)]
    if diff_id is not None:
        algorithm, _, digest = diff_id.partition(":")
        stages.append(streams.checksum(algorithm, expected=digest))
    limits = Limits()
    if (room := pool.available()) is not None:
        # Unpacking a small file to terabytes has to end before it has filled the disk.
        limits = replace(limits, archive_bytes=min(room, limits.archive_bytes))

    def explain_with_room(error: streams.StreamError | OSError) -> ImgadmError:
        at_limit = isinstance(error, LayerError) and error.kind == "limit" and error.offset
        if at_limit and room is not None and at_limit > room:
            return explain(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        return explain(error)

    return run_watched(
        *stages, unpack_layer(root, limits=limits), tell=watch, explain=explain_with_room
    )


def _described(compression: str | None) -> str:
    return "not compressed" if compression == "none" else f"{compression} data"
