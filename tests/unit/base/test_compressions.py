"""The table of compressions: every row can be told from the others, and has its codec."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from imgadm.base.compressions import (
    COMPRESSION_FORMATS,
    COMPRESSIONS,
    compression_by_suffix,
    recognise_compression,
)


def test_rows_have_suffixes_and_first_bytes_of_their_own() -> None:
    for name, row in COMPRESSION_FORMATS.items():
        assert compression_by_suffix(row.suffix) == name
        assert {recognise_compression(magic + b"more") for magic in row.magics} <= {name}


def test_other_suffixes_and_first_bytes_are_of_no_compression() -> None:
    assert compression_by_suffix(".zip") == "none"
    assert recognise_compression(b"") == "none"
    assert recognise_compression(b"\x1f") == "none"


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_every_row_has_its_codec(name: str) -> None:
    package = f"imgadm.streams.codecs.{name}"
    assert find_spec(f"{package}.decode") is not None
    has_encoder = COMPRESSION_FORMATS[name].levels is not None
    assert (find_spec(f"{package}.encode") is not None) == has_encoder
