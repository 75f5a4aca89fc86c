"""The download of layers, several at a time, while the layers before them are unpacked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from imgadm import streams
from imgadm.manifest import Manifest
from imgadm.operations.importing.layer_trust import claimed_digest
from imgadm.pools.layers import LayerFacts

AT_ONCE = 4
"""The number of layers that are downloaded at the same time; each takes some 6 MiB of memory."""

_LOOK_SECONDS = 0.1

_PATIENCE = 2.0
"""The seconds that the end of an import waits for its downloads to stop."""


@dataclass(frozen=True)
class IncomingLayer:
    """A layer that is to be received, and the image that it becomes.

    ``fetch`` returns the stage that brings the layer as its source stores it. ``digest``
    (``sha256:…``), ``sha1`` (hexadecimal) and ``size`` (bytes) are what the source promises of
    these bytes, ``diff_id`` is the digest of the tar archive inside; those that are not None are
    checked. ``compression`` is the compression that the source names; the first bytes decide.
    """

    image: Manifest
    fetch: Callable[[], streams.Stage]
    digest: str | None = None
    sha1: str | None = None
    size: int | None = None
    compression: str | None = None
    diff_id: str | None = None

    @classmethod
    def promised(cls, image: Manifest, fetch: Callable[[], streams.Stage]) -> Self:
        """Return the layer of ``image`` with what the manifest of the image promises of it."""
        digest, file = claimed_digest(image.raw), image.file
        if file is None:
            return cls(image, fetch, digest)
        return cls(image, fetch, digest, file.sha1, file.size, file.compression)


@dataclass(frozen=True)
class Failure:
    """A layer that did not arrive, and the reason.

    ``copy`` is the file on the pool that should have the layer, None if it comes from its source.
    """

    layer: IncomingLayer
    error: BaseException
    copy: Path | None


class _StoppedError(Exception):
    """The import has ended, and nobody reads the bytes any more."""


class _Fetch:
    """The download of one blob, which may be the layer of several images."""

    def __init__(self, layer: IncomingLayer, source: Path | None, spool: streams.Spool) -> None:
        self.layer = layer
        self.spool = spool
        self.report: streams.Report | None = None
        self.error: BaseException | None = None
        self.ended = threading.Event()
        # A file on the pool that should have the same bytes, None if they have to be downloaded.
        self.source = source

    def run(self, begun: Callable[[streams.Report], None], stopped: threading.Event) -> None:
        layer = self.layer

        def look(report: streams.Report) -> None:
            if self.report is None:
                self.report = report
                begun(report)
            if stopped.is_set():
                raise _StoppedError

        stages = [
            streams.read_file(self.source) if self.source is not None else layer.fetch(),
            _checked(layer.digest or "sha256:", layer.size),
        ]
        if layer.sha1 is not None:
            stages.append(streams.checksum("sha1", expected=layer.sha1))
        try:
            if stopped.is_set():
                raise _StoppedError
            stages.append(self.spool.writer())
            streams.run(*stages, on_progress=look, interval=_LOOK_SECONDS)
        except BaseException as error:  # raised again where this layer is waited for
            self.error = error
            self.spool.fail()
        finally:
            self.ended.set()

    @property
    def facts(self) -> dict[str, object]:
        """The facts about the blob that its pipeline found; it has succeeded."""
        assert self.report is not None
        return self.report.facts


class LayerFetches:
    """The downloads of ``layers``, in their order, into files in ``directory``.

    :data:`AT_ONCE` of them run at a time, from the beginning of the ``with`` block on. The end of
    the block stops them. A blob that several layers share is downloaded once. ``find`` returns the
    file on the pool that has a digest, or None; a blob that the pool has is read from there.
    ``begun`` gets the report of each download when it begins.
    """

    def __init__(
        self,
        layers: Sequence[IncomingLayer],
        directory: Path,
        find: Callable[[str], Path | None],
        begun: Callable[[streams.Report], None],
    ) -> None:
        self._begun = begun
        self._stopped = threading.Event()
        self._fetches: list[_Fetch] = []
        self._uses: list[_Fetch] = []
        by_digest: dict[str, _Fetch] = {}
        for number, layer in enumerate(layers):
            fetch = by_digest.get(layer.digest or "")
            if fetch is None:
                copy = None if layer.digest is None else find(layer.digest)
                spool = streams.Spool(directory / str(number), layer.size)
                fetch = _Fetch(layer, copy, spool)
                self._fetches.append(fetch)
                if layer.digest is not None:
                    by_digest[layer.digest] = fetch
            self._uses.append(fetch)
        self._waiting: Iterator[_Fetch] = iter(tuple(self._fetches))
        self._taking = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._untold = list(self._fetches)

    def __enter__(self) -> Self:
        for _ in range(min(AT_ONCE, len(self._fetches))):
            thread = threading.Thread(target=self._work, name="imgadm-layers", daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        deadline = time.monotonic() + _PATIENCE
        for thread in self._threads:
            # A thread that connects to a silent server can't be interrupted. It is left behind, and
            # finds its file gone.
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while True:
            with self._taking:
                fetch = next(self._waiting, None)
            if fetch is None:
                return
            fetch.run(self._begun, self._stopped)

    def spool(self, index: int) -> streams.Spool:
        """Return the spool of layer number ``index``, which its bytes go to."""
        return self._uses[index].spool

    def is_needed_after(self, index: int) -> bool:
        """Tell whether a later layer has the same bytes."""
        return self._uses[index] in self._uses[index + 1 :]

    def failure(self) -> Failure | None:
        """Return the first layer that could not be downloaded, and why; None if there is none."""
        for fetch in self._fetches:
            if fetch.error is not None:
                return Failure(fetch.layer, fetch.error, fetch.source)
        return None

    def newly_verified(self) -> Iterator[tuple[Manifest, int]]:
        """Yield, once each, the images whose files were verified, with their sizes in bytes."""
        for fetch in tuple(self._untold):
            if fetch.ended.is_set() and fetch.error is None:
                self._untold.remove(fetch)
                size = fetch.facts["size"]
                assert isinstance(size, int)
                yield fetch.layer.image, size

    def settle(self, index: int, seconds: float) -> None:
        """Wait for the end of the download of a layer, for at most ``seconds``."""
        deadline = time.monotonic() + seconds
        while not self._uses[index].ended.wait(_LOOK_SECONDS) and time.monotonic() < deadline:
            pass

    def has_ended(self, index: int) -> bool:
        """Tell whether the download of a layer has ended; wait up to a tenth of a second for it."""
        return self._uses[index].ended.wait(_LOOK_SECONDS)

    def layer_facts(self, index: int, layer: IncomingLayer, compression: str) -> LayerFacts:
        """Return the facts that the pool records of a downloaded ``layer``."""
        facts = self._uses[index].facts
        algorithm = (layer.digest or "sha256:").partition(":")[0]
        size = facts["size"]
        assert isinstance(size, int)
        return LayerFacts(f"{algorithm}:{facts[algorithm]}", size, compression, layer.diff_id)


def _checked(digest: str, size: int | None) -> streams.Stage:
    """Return the stage that checks a ``digest``, or only computes it after ``sha256:`` alone."""
    algorithm, _, expected = digest.partition(":")
    return streams.checksum(algorithm, expected=expected or None, size=size)
