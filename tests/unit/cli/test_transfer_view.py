"""What is shown of an import or install, where its words come from others."""

from __future__ import annotations

import pytest

from imgadm.cli.output.transfer_view import LineView
from imgadm.manifest import Manifest
from imgadm.manifest.docker import layer_manifests
from imgadm.operations.events.importing import (
    AlreadyInstalled,
    ImportBegins,
    LayerInstalled,
    ProgramSaid,
)
from imgadm.pools.images import InstalledImage


def test_what_a_program_said_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    LineView("import")(ProgramSaid("zfs receive", "cannot:\n\t\x1b[2J"))
    said = capsys.readouterr().err
    assert said == "Stderr from zfs receive: cannot:\n\t\\x1b[2J\n\n"


def test_lower_layers_are_told_in_the_lines_that_scripts_know(
    capsys: pytest.CaptureFixture[str],
) -> None:
    digest = "sha256:" + "ab" * 32
    (raw,) = layer_manifests([digest], {}, repository="busybox", tag="1")
    image = Manifest.of(raw)
    view = LineView("import")
    view(ImportBegins(image, "https://docker.io", None, "docker.io/busybox:1"))
    view(LayerInstalled(image))
    view(AlreadyInstalled(InstalledImage(raw, "zones"), "https://docker.io"))
    called = f"{image.uuid} (docker-layer@abababababab)"
    assert capsys.readouterr().out.splitlines() == [
        f'Importing {image.uuid} (docker.io/busybox:1) from "https://docker.io"',
        f"Imported image {called}",
        f"Image {called} is already installed from https://docker.io",
    ]
