"""The contracts of decoders and encoders, and the loading of one by the name of its compression.

Each compression of :mod:`imgadm.base.compressions` has a package of its name beside this module.
Its module ``decode`` has the function ``decode``, its module ``encode`` the function ``encode``.
The compression ``none`` has no encoder.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from imgadm.streams.codecs.byte_source import ByteSource
from imgadm.streams.engine.stage import Context, Inlet, Outlet


@dataclass(frozen=True)
class EncoderSettings:
    """The compression level, and the number of threads that an encoder may use."""

    level: int
    threads: int


Decode = Callable[[ByteSource, Outlet, Context], None]
"""A decoder: reads the compressed data of the source to its end.

It puts buffers of bounded size on the outlet. It raises DecompressionError for data that is not
valid in its format.
"""

Encode = Callable[[Inlet, Outlet, Context, EncoderSettings], None]
"""An encoder: reads the inlet to its end, and puts a whole file of its format on the outlet.

It writes such a file for an empty inlet as well. The bytes depend on the content and the level, and
not on the number of threads.
"""


def load_decoder(compression: str) -> Decode:
    """Import the decoder of ``compression``, and with it the library that it uses."""
    module = importlib.import_module(f"imgadm.streams.codecs.{compression}.decode")
    decode: Decode = module.decode
    return decode


def load_encoder(compression: str) -> Encode:
    """Import the encoder of ``compression``, and with it the library that it uses."""
    module = importlib.import_module(f"imgadm.streams.codecs.{compression}.encode")
    encode: Encode = module.encode
    return encode
