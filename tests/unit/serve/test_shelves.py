"""The shelves of the server import each other in one direction only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import imgadm.serve

ROOM = Path(imgadm.serve.__file__).parent


@pytest.mark.parametrize(
    ("shelf", "unknown"),
    [
        ("http", ("imgapi", "catalogues", "server")),
        ("catalogues", ("imgapi", "http", "server")),
        ("imgapi", ("server",)),
        (".", ("operations", "pools", "cli")),
    ],
)
def test_shelf_does_not_know_those_above_it(shelf: str, unknown: tuple[str, ...]) -> None:
    above = re.compile(rf"imgadm\.(?:serve\.)?(?:{'|'.join(unknown)})\b")
    modules = sorted((ROOM / shelf).rglob("*.py"))
    assert modules
    own = {ROOM / "__init__.py", ROOM / "server.py"} if shelf != "." else set()
    found = [
        f"{module.name}: {line}"
        for module in modules
        if module not in own
        for line in module.read_text().splitlines()
        if line.lstrip().startswith(("from ", "import ")) and above.search(line)
    ]
    assert found == []
