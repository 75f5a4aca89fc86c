"""The layout of the code: which room may import which, how full a room is, and unique names."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import imgadm

ROOT = Path(imgadm.__file__).parent
FLOORS = (
    {"cli"},
    {"operations"},
    {"serve", "machines", "pools", "sources"},
    {"state"},
    {"registry"},
    {"client"},
    {"layers", "manifest"},
    {"streams"},
    {"base"},
    {"_native"},
)
"""The rooms, top floor first. A room imports itself and rooms on lower floors only."""

MOST_MODULES = 13
"""The number of modules, ``__init__`` apart, that a folder may have."""

CROWDED = {"cli/commands": "one module a command", "cli/run": "one module a command"}
"""Folders that may have more modules, and why."""

CONTRACT_NAMES = {"decode", "encode", "read", "script", "run", "COMMAND"}
"""Names that each module of a family defines, because its caller looks for them."""


@cache
def trees() -> dict[str, ast.Module]:
    """Return the syntax trees of all modules, by their dotted names."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imported(node: ast.AST) -> Iterator[str]:
    """Yield the modules of ours that one import statement names."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        inner = [f"{node.module}.{alias.name}" for alias in node.names]
        modules = [name for name in inner if name in trees() or name == "imgadm._native"]
        names = modules if len(modules) == len(inner) else [*modules, str(node.module)]
    else:
        return
    yield from (name for name in names if name.split(".")[0] == "imgadm")


def imports_of(module: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the target of each import in ``module``, wherever it stands."""
    for node in ast.walk(trees()[module]):
        for target in imported(node):
            yield node.lineno, target  # type: ignore[attr-defined]


def imports_at_run_time(module: str) -> Iterator[str]:
    """Yield the modules that ``module`` imports for more than annotations, late ones too."""

    def walk(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        yield from imported(node)
        for child in ast.iter_child_nodes(node):
            yield from walk(child)

    return walk(trees()[module])


def floor(module: str) -> int | None:
    """Return the floor that ``module`` is on, None for those outside of all rooms."""
    _, _, rest = module.partition(".")
    room = rest.split(".")[0]
    return next((at for at, rooms in enumerate(FLOORS) if room in rooms), None)


def room(module: str) -> str:
    """Return the room that ``module`` is in."""
    return module.split(".")[1]


def test_imports_point_down() -> None:
    wrong = []
    for module in trees():
        at = floor(module)
        if at is None:
            continue
        for line, target in imports_of(module):
            below = floor(target)
            if below is None or room(module) == room(target):
                continue
            if below <= at:
                wrong.append(f"{module}:{line} imports {target}")
    assert wrong == []


def test_every_room_has_a_floor() -> None:
    rooms = {path.name for path in ROOT.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert rooms == set().union(*FLOORS) - {"_native"}


def test_modules_do_not_import_each_other() -> None:
    graph = {
        module: {target for target in imports_at_run_time(module) if target != module}
        for module in trees()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(f"modules import each other: {error.args[1]}") from None


def test_folders_are_not_crowded() -> None:
    crowded = {}
    for folder in [ROOT, *(path for path in ROOT.rglob("*") if path.is_dir())]:
        modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        name = folder.relative_to(ROOT).as_posix()
        if len(modules) > MOST_MODULES and name not in CROWDED:
            crowded[name] = len(modules)
    assert crowded == {}


def public_names(module: str) -> Iterator[str]:
    """Yield the public classes, functions and constants that ``module`` defines."""
    for statement in trees()[module].body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names = [statement.name]
        elif isinstance(statement, ast.Assign):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            names = [statement.target.id]
        else:
            continue
        yield from (name for name in names if not name.startswith("_"))


def test_public_names_are_unique() -> None:
    places = defaultdict(set)
    for module in trees():
        for name in public_names(module):
            places[name].add(module.removeprefix("imgadm."))
    several = {
        name: sorted(modules)
        for name, modules in places.items()
        if len(modules) > 1 and name not in CONTRACT_NAMES
    }
    assert several == {}
