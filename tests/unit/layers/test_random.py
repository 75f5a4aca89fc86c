"""Random layers in random orders become what overlayfs makes of them."""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path

import pytest

from imgadm.layers import Ownership

from .layer_builder import unpack
from .random_layers import Node, merged, random_image
from .random_layers import Path as Parts

_KINDS = {stat.S_IFDIR: "directory", stat.S_IFREG: "file", stat.S_IFLNK: "symlink"}


def found_in(root: Path) -> dict[Parts, Node]:
    found: dict[Parts, Node] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "fifo")
        content = {"file": path.read_text, "symlink": lambda at=path: os.readlink(at)}.get(kind)
        found[path.relative_to(root).parts] = Node(
            kind,
            content() if content else "",
            stat.S_IMODE(status.st_mode),
            int(status.st_mtime),
            status.st_ino if kind == "file" else 0,
        )
    return found


def lines(nodes: dict[Parts, Node], *, without_times: set[Parts], modes: bool) -> list[str]:
    """Hard links are told by the first of their names."""
    firsts: dict[int, Parts] = {}
    return [
        f"{'/'.join(path)} {node.kind} {node.content!r}"
        f" {f'{node.mode:o}' if modes else ''}"
        f" {'' if path in without_times else node.time}"
        f" {'/'.join(firsts.setdefault(node.inode, path)) if node.inode else ''}"
        for path, node in sorted(nodes.items())
    ]


@pytest.mark.parametrize("policy", [Ownership.REAL, Ownership.RECORDED])
@pytest.mark.parametrize("first", range(0, 200, 20))
def test_random_images(first: int, policy: Ownership, tmp_path: Path) -> None:
    if policy is Ownership.REAL and os.geteuid() != 0:
        pytest.skip("only root can set owners")
    for seed in range(first, first + 20):
        layers = random_image(seed)
        wanted = merged(layers)
        untimed = {path for path, node in wanted.items() if node.time is None}
        root = tmp_path / str(seed) / "root"
        order = random.Random(seed)
        unpack(root, *(layer.archive(order) for layer in layers), policy=policy)
        modes = policy is Ownership.REAL
        assert lines(found_in(root), without_times=untimed, modes=modes) == lines(
            wanted, without_times=untimed, modes=modes
        ), f"image {seed}"
