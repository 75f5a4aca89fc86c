"""The decompression stage, which loads the decoder of the format that it finds."""

from __future__ import annotations

import os

from imgadm._native import move_bytes, read_into, write_all
from imgadm.base.compressions import (
    COMPRESSION_MAGIC_SIZE,
    COMPRESSIONS,
    recognise_compression,
)
from imgadm.streams.codecs.byte_source import ByteSource
from imgadm.streams.codecs.loading import load_decoder
from imgadm.streams.engine.arguments import check_choice, check_path
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage
from imgadm.streams.errors import DecompressionError


class _Decompress(Stage):
    """The stage that :func:`decompress` makes."""

    judges_content = True

    def __init__(self, compression: str | None, *, exact: bool) -> None:
        if compression is not None:
            check_choice("compression", compression, COMPRESSIONS)
        self.name = "decompress"
        self.moves_descriptors = compression == "none"
        self._named = compression
        self._exact = exact

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        if self._named == "none":
            self._pass_on(inlet, outlet, context)
            return
        source = ByteSource(inlet.views())
        compression = self._settle(source.peek(COMPRESSION_MAGIC_SIZE), context)
        load_decoder(compression)(source, outlet, context)
        if self._exact and context.notes and not source.blank_rest:
            raise DecompressionError(
                compression,
                f"something follows the end of the {compression} data",
                offset=source.position,
            )

    def _pass_on(self, inlet: Inlet, outlet: Outlet, context: Context) -> None:
        first, settled = b"", False
        for buffer in inlet:
            if not settled:
                first += bytes(buffer.view[: COMPRESSION_MAGIC_SIZE - len(first)])
                settled = len(first) == COMPRESSION_MAGIC_SIZE
                if settled:
                    self._settle(first, context)
            outlet.put(buffer)
        if not settled:
            self._settle(first, context)

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        cancel, meter = context.cancel.fileno(), context.meter
        memory = memoryview(bytearray(COMPRESSION_MAGIC_SIZE))
        first = b""
        while size := read_into(source, memory[len(first) :], cancel, meter):
            meter.add_in(size)
            first = bytes(memory[: len(first) + size])
            if len(first) == COMPRESSION_MAGIC_SIZE:
                break
        self._settle(first, context)
        write_all(sink, first, cancel, meter)
        move_bytes(source, sink, cancel, meter)

    def _settle(self, first_bytes: bytes, context: Context) -> str:
        """Return the compression to decode; raise an error if it is not the named one."""
        if not first_bytes and not (self._exact and self._named in (None, "none")):
            raise DecompressionError(self._named or "unknown", "the file is empty", offset=0)
        found = recognise_compression(first_bytes)
        if self._named is not None and found != self._named:
            got = f"{found} data" if found != "none" else "data in no known compression"
            raise DecompressionError(
                self._named,
                f"expected {self._described()}, got {got}",
                offset=0,
                got=found,
                wanted=self._named,
            )
        context.facts["compression"] = found
        return found

    def _described(self) -> str:
        return "uncompressed data" if self._named == "none" else f"{self._named} data"


def decompress(compression: str | None = None, *, exact: bool = False) -> Stage:
    """Return a stage that decompresses all bytes.

    ``compression`` is ``none``, ``gzip``, ``bzip2``, ``xz`` or ``zstd``. With None, the first bytes
    decide. The output comes in buffers of bounded size, whatever the input expands to.

    The stage ignores and notes bytes behind the compressed data, as the programs of some formats
    do. With ``exact`` such bytes are an error, except for zeros behind gzip data, with which some
    writers pad. An empty file is an error, unless ``exact`` is true and ``compression`` is ``none``
    or None.

    The stage raises DecompressionError for data that is in another compression than the named one,
    damaged, or cut short.
    """
    return _Decompress(compression, exact=exact)


def compression_of(path: str | os.PathLike[str]) -> str:
    """Return the compression of a file, which its first bytes show.

    The file must allow reads at any offset. Raises OSError, with ESPIPE for a pipe, of which
    nothing is read.
    """
    check_path("path", path)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return recognise_compression(os.pread(descriptor, COMPRESSION_MAGIC_SIZE, 0))
    finally:
        os.close(descriptor)
