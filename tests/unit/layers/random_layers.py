"""Images of random layers, and what they have to become: the rules of overlayfs, in a few lines.

A layer is a tree of its own and marks of what it hides. Its archive has the entries of that tree in
any order, which must not matter. What the layers become together is what Linux' overlayfs shows of
one directory for each of them; that this model agrees with it was tried on ten thousand images.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from .layer_builder import archive, directory, entry, file, link, symlink

WHEN = 1_500_000_000
_NAMES = ("a", "b", "c", "d", "e.wh.f", ".why")
_TARGETS = ("/a", "/b", "a", "b", "../a", "/b/c", "/nowhere", "c", ".", "/a/a", "..")
Path = tuple[str, ...]


@dataclass(frozen=True)
class Node:
    """``kind`` is ``directory``, ``file``, ``symlink`` or ``fifo``; ``content`` that of a file or
    what a link is to. Files of the same ``inode`` are hard links. ``time`` None is any."""

    kind: str
    content: str = ""
    mode: int = 0o755
    time: int | None = WHEN
    inode: int = 0


@dataclass
class Layer:
    """``nodes`` has every directory on the way, ``implied`` those that no entry describes."""

    nodes: dict[Path, Node] = field(default_factory=dict)
    implied: set[Path] = field(default_factory=set)
    hidden: set[Path] = field(default_factory=set)
    opaque: set[Path] = field(default_factory=set)

    def archive(self, order: random.Random) -> bytes:
        """The layer as an archive, in an order that has only hard links behind what they are to."""
        firsts: dict[int, str] = {}
        made, links = [], []
        for path, node in self.nodes.items():
            name = "/".join(path)
            more = {"mode": node.mode, "mtime": node.time if node.time is not None else 1}
            if path in self.implied:
                continue
            match node.kind:
                case "directory":
                    made.append(directory(order.choice(("", "./", "/")) + name, **more))
                case "file" if node.inode in firsts:
                    links.append(link(name, firsts[node.inode]))
                case "file":
                    firsts[node.inode] = name
                    made.append(file(name, node.content, **more))
                case "symlink":
                    made.append(symlink(name, node.content, mtime=node.time or 1))
                case "fifo":
                    made.append(entry(name, "fifo", **more))
        made += [entry("/".join((*path[:-1], f".wh.{path[-1]}"))) for path in self.hidden]
        made += [entry("/".join((*path, ".wh..wh..opq"))) for path in self.opaque]
        order.shuffle(made)
        order.shuffle(links)
        for later in links:
            first = next(at for at, (info, _) in enumerate(made) if info.name == later[0].linkname)
            made.insert(order.randint(first + 1, len(made)), later)
        return archive(*made)


def merged(layers: Iterable[Layer]) -> dict[Path, Node]:
    """What the layers, base first, are together."""
    below: dict[Path, Node] = {}
    for layer in layers:
        below = _on_top(layer, below)
    return below


def _on_top(layer: Layer, below: dict[Path, Node]) -> dict[Path, Node]:
    result = {path: node for path, node in below.items() if not _is_covered(path, layer)}
    for path, node in layer.nodes.items():
        old = result.get(path)
        if path in layer.implied and old is not None and old.kind == "directory":
            continue
        result[path] = node
    return result


def _is_covered(path: Path, layer: Layer) -> bool:
    """Whether a layer hides what is below it at ``path``, or in whose way something of it is."""
    for length in range(len(path) + 1):
        part = path[:length]
        if part in layer.hidden or (length < len(path) and part in layer.opaque):
            return True
        if length < len(path) and part in layer.nodes and layer.nodes[part].kind != "directory":
            return True
    return False


def random_image(seed: int) -> list[Layer]:
    """Layers, base first, each of which meets much of what is below it."""
    chance = random.Random(seed)
    layers: list[Layer] = []
    for _ in range(chance.randint(2, 4)):
        layers.append(_random_layer(chance, merged(layers), number=len(layers)))
    return layers


def _random_layer(chance: random.Random, below: dict[Path, Node], *, number: int) -> Layer:
    layer = Layer()
    inodes = 100 * number
    for _ in range(chance.randint(1, 10)):
        path = _random_path(chance, below)
        if not _make_parents(chance, layer, path):
            continue
        kinds = ("directory", "directory", "file", "file", "symlink", "symlink", "fifo", "link")
        kind = chance.choice(kinds)
        files = [node for node in layer.nodes.values() if node.kind == "file"]
        if path in layer.nodes:
            continue
        if kind == "link" and files:
            layer.nodes[path] = chance.choice(files)
        elif kind != "link":
            inodes += 1
            content = chance.choice(_TARGETS) if kind == "symlink" else str(chance.random())
            mode = chance.choice((0o755, 0o700, 0o1777) if kind == "directory" else (0o644, 0o4755))
            layer.nodes[path] = Node(
                kind,
                content if kind in ("file", "symlink") else "",
                0o777 if kind == "symlink" else mode,
                WHEN + chance.randint(0, 10**6),
                inodes if kind == "file" else 0,
            )
    if number:
        _hide(chance, layer, below)
        _leave_entries_out(chance, layer, below)
    return layer


def _random_path(chance: random.Random, below: dict[Path, Node]) -> Path:
    """Often one that is there, or that is behind a link or a file that is there."""
    path: Path = ()
    if below and chance.random() < 0.6:
        path = chance.choice(sorted(below))
        if chance.random() < 0.5:
            return path
    return (path + tuple(chance.choices(_NAMES, k=chance.randint(1, 2))))[:4]


def _make_parents(chance: random.Random, layer: Layer, path: Path) -> bool:
    for length in range(1, len(path)):
        node = layer.nodes.setdefault(
            path[:length], Node("directory", mode=0o711, time=WHEN + chance.randint(0, 99))
        )
        if node.kind != "directory":
            return False
    return True


def _hide(chance: random.Random, layer: Layer, below: dict[Path, Node]) -> None:
    """Hide what lower layers have, or have not, in directories that the layer has."""
    directories = [(), *(path for path, node in layer.nodes.items() if node.kind == "directory")]
    for _ in range(chance.randint(0, 4)):
        where = chance.choice(directories)
        if chance.random() < 0.4:
            layer.opaque.add(where)
            continue
        names = [path[-1] for path in below if path[:-1] == where] or list(_NAMES)
        layer.hidden.add((*where, chance.choice(names)))


def _leave_entries_out(chance: random.Random, layer: Layer, below: dict[Path, Node]) -> None:
    """Where a directory has something in it, an entry is not needed, but in the place of a link:
    there it says that the link is no more."""
    for path, node in list(layer.nodes.items()):
        is_needed = any(other[:-1] == path for other in layer.nodes)
        over_link = any(
            path[:length] in below and below[path[:length]].kind == "symlink"
            for length in range(1, len(path) + 1)
        )
        if node.kind == "directory" and is_needed and not over_link and chance.random() < 0.3:
            layer.implied.add(path)
            layer.nodes[path] = Node("directory", mode=0o755, time=None)
