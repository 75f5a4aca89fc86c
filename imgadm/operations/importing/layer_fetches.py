"""Layers that come, several at a time, while those before them are unpacked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from imgadm import streams
from imgadm.manifest import Manifest
from imgadm.pools.layers import LayerFacts

AT_ONCE = 4
"""Layers that are fetched at the same time; each takes some 6 MiB of memory."""

_LOOK_SECONDS = 0.1
_PATIENCE = 2.0


@dataclass(frozen=True)
class IncomingLayer:
    """An image of a layer that is to be received.

    ``fetch`` makes the stage that brings the layer as it is stored. Of that, ``digest``
    (``sha256:…``), ``sha1`` (hexadecimal) and ``size`` (bytes) are checked where they are known,
    and ``diff_id``, the digest of what is inside. ``compression`` is what it is called; its first
    bytes tell what it is.
    """

    image: Manifest
    fetch: Callable[[], streams.Stage]
    digest: str | None = None
    sha1: str | None = None
    size: int | None = None
    compression: str | None = None
    diff_id: str | None = None


@dataclass(frozen=True)
class Failure:
    """Why a layer has not come; ``copy`` is the file on the pool that should have it, if any."""

    layer: IncomingLayer
    error: BaseException
    copy: Path | None


class _StoppedError(Exception):
    """Nobody wants the bytes any more."""


class _Fetch:
    """One blob, which may be the layer of several images."""

    def __init__(self, layer: IncomingLayer, source: Path | None, spool: streams.Spool) -> None:
        self.layer = layer
        self.spool = spool
        self.report: streams.Report | None = None
        self.error: BaseException | None = None
        self.ended = threading.Event()
        #: A file that should have the bytes, so that nobody need be asked for them.
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
        except BaseException as error:  # raised again by whoever waits for this layer
            self.error = error
            self.spool.fail()
        finally:
            self.ended.set()

    @property
    def facts(self) -> dict[str, object]:
        """What the pipeline, which has succeeded, found out of the blob."""
        assert self.report is not None
        return self.report.facts


class LayerFetches:
    """Fetches ``layers`` in their order, :data:`AT_ONCE` at a time, into files in ``directory``.

    A blob that several of the layers have is fetched once, and one that ``find`` knows a copy of is
    read from there, by its digest. Use it as a context manager: leaving ends what is still coming.
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
            # One that connects to a server that is silent can't be interrupted. It is left behind,
            # and finds its file gone.
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while True:
            with self._taking:
                fetch = next(self._waiting, None)
            if fetch is None:
                return
            fetch.run(self._begun, self._stopped)

    def spool(self, index: int) -> streams.Spool:
        """Where the bytes of the layer come, or have come."""
        return self._uses[index].spool

    def is_needed_after(self, index: int) -> bool:
        """Whether a later layer has the same bytes."""
        return self._uses[index] in self._uses[index + 1 :]

    def failure(self) -> Failure | None:
        """The first layer that could not be fetched, and why."""
        for fetch in self._fetches:
            if fetch.error is not None:
                return Failure(fetch.layer, fetch.error, fetch.source)
        return None

    def newly_verified(self) -> Iterator[tuple[Manifest, int]]:
        """Images whose bytes have all come and are right, and their number; each is told once."""
        for fetch in tuple(self._untold):
            if fetch.ended.is_set() and fetch.error is None:
                self._untold.remove(fetch)
                size = fetch.facts["size"]
                assert isinstance(size, int)
                yield fetch.layer.image, size

    def settle(self, index: int, seconds: float) -> None:
        """Wait for the end of a fetch, but no longer than that."""
        deadline = time.monotonic() + seconds
        while not self._uses[index].ended.wait(_LOOK_SECONDS) and time.monotonic() < deadline:
            pass

    def has_ended(self, index: int) -> bool:
        """Whether the fetch is over; waits a little for it."""
        return self._uses[index].ended.wait(_LOOK_SECONDS)

    def layer_facts(self, index: int, layer: IncomingLayer, compression: str) -> LayerFacts:
        """What is to be recorded of a layer that has come."""
        facts = self._uses[index].facts
        algorithm = (layer.digest or "sha256:").partition(":")[0]
        size = facts["size"]
        assert isinstance(size, int)
        return LayerFacts(f"{algorithm}:{facts[algorithm]}", size, compression, layer.diff_id)


def _checked(digest: str, size: int | None) -> streams.Stage:
    """Check that what passes has the digest; with the name of an algorithm only, just hash it."""
    algorithm, _, expected = digest.partition(":")
    return streams.checksum(algorithm, expected=expected or None, size=size)
