"""The compression stage, which loads the encoder of the wanted format."""

from __future__ import annotations

from imgadm._native import move_bytes
from imgadm.base.compressions import COMPRESSION_FORMATS, COMPRESSIONS
from imgadm.streams.codecs.loading import EncoderSettings, load_encoder
from imgadm.streams.codecs.processors import usable_processors
from imgadm.streams.engine.arguments import check_choice, check_count
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage
from imgadm.streams.errors import CompressionError, MisuseError


class _Compress(Stage):
    """The stage that :func:`compress` makes."""

    name = "compress"

    def __init__(self, compression: str, level: int | None, threads: int | None) -> None:
        check_choice("compression", compression, COMPRESSIONS)
        check_count("level", level)
        check_count("threads", threads, least=1)
        levels = COMPRESSION_FORMATS[compression].levels
        if level is not None and (levels is None or level not in levels):
            wanted = "it has none" if levels is None else f"must be {levels}"
            raise MisuseError(f"invalid level {level} for {compression}, {wanted}", got=level)
        self.moves_descriptors = levels is None
        self._compression = compression
        self._settings = (
            None
            if levels is None
            else EncoderSettings(
                levels.default if level is None else level, threads or usable_processors()
            )
        )

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        context.facts["compression"] = self._compression
        if self._settings is None:
            for buffer in inlet:
                outlet.put(buffer)
            return
        try:
            load_encoder(self._compression)(inlet, outlet, context, self._settings)
        except MemoryError as error:
            raise CompressionError(
                self._compression, "not enough memory", offset=context.meter.bytes_in
            ) from error

    def run_descriptors(self, context: Context, source: int, sink: int) -> None:
        context.facts["compression"] = self._compression
        move_bytes(source, sink, context.cancel.fileno(), context.meter)


def compress(name: str, *, level: int | None = None, threads: int | None = None) -> Stage:
    """Return a stage that compresses all bytes.

    ``name`` is ``none``, ``gzip``, ``bzip2``, ``xz`` or ``zstd``. ``level`` is a level of the
    format's usual program, from the fastest to the smallest: 1 to 9 for gzip (6 if it is None) and
    bzip2 (9), 0 to 9 for xz (6), 1 to 19 for zstd (3). ``threads`` None means one for every usable
    processor. The format's usual program reads the result, which is the same for any number of
    ``threads``.

    Raises MisuseError for an unknown ``name``, a ``level`` that the format does not have, or fewer
    than one thread. The stage raises CompressionError if there is not enough memory.
    """
    return _Compress(name, level, threads)
