"""The bar fits its terminal, whatever the width of that and the name of the image."""

from __future__ import annotations

import io

import pytest
from tqdm import tqdm
from tqdm.utils import disp_len

from imgadm.cli.output.transfer_bar import TransferBar

MIB = 1 << 20
NAMES = [
    "debian",
    "a-name-longer-than-any-window" * 9,
    "{bar}{0}",
    "}{",
    "大きな画像" * 9,
    "画" * (1 << 20),
    "%s %d",
    "",
]


def line(monkeypatch: pytest.MonkeyPatch, name: str, total: int | None, columns: int) -> str:
    """What is drawn after 5 seconds and 50 MiB on a terminal of so many columns."""
    monkeypatch.setattr("sys.stderr", io.StringIO())
    bar = TransferBar(name, total)
    bar.dynamic_ncols = lambda _file: (columns, 24)
    bar.n = 50 * MIB
    bar._time = lambda: bar.start_t + 5
    text = str(tqdm.format_meter(**bar.format_dict))
    bar.close()
    return text


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (80, "debian              [=====                ]  25%   50.0 MiB   10.0 MiB/s 00:15"),
        (40, "debia  25%  50.0 MiB  10.0 MiB/s 00:15"),
        (20, "25% 50.0 MiB 00:15"),
        (12, "25% 00:15"),
        (5, "25% 0"),
    ],
)
def test_layouts(columns: int, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert line(monkeypatch, "debian", 200 * MIB, columns) == expected


def test_unknown_size(monkeypatch: pytest.MonkeyPatch) -> None:
    assert line(monkeypatch, "debian", None, 50).split() == [
        *("debian", "50.0", "MiB", "10.0", "MiB/s", "00:05")
    ]


@pytest.mark.parametrize("columns", range(1, 200, 7))
def test_line_is_never_longer_than_the_window(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        for total in (None, 200 * MIB, 1 << 50):
            text = line(monkeypatch, name, total, columns)
            assert disp_len(text) <= columns
            assert "\n" not in text


def test_braces_in_a_name_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert line(monkeypatch, "{bar}}{0}", 200 * MIB, 100).startswith("{bar}}{0}  ")
