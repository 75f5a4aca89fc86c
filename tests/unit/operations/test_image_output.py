"""The two files of a new image: their names, and that they come whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imgadm.base.errors import FileSystemError, UsageError
from imgadm.base.files.creation import NewFile
from imgadm.operations.creating.image_output import ImageOutput, output_prefix
from tests.planted import plant_directory, plant_hard_link, plant_link, plant_pipe


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("template", "fields", "prefix"),
    [
        (None, {"name": "web", "version": "1.0"}, "web-1.0"),
        ("", {"name": "web", "version": "1.0"}, "web-1.0"),
        (None, {"name": " My  Image! (x)- - y", "version": "1.0 beta/2"}, "my-image-x-y-1.0-beta2"),
        (None, {"name": "é_A.b"}, "_a.b-undefined"),
        (None, {"name": 7, "version": 1.5}, "7-1.5"),
        ("here", {"name": "n", "version": "1"}, "here/n-1"),
        ("./here/", {"name": "n", "version": "1"}, "here/n-1"),
        ("there", {"name": "n", "version": "1"}, "there"),
        ("here/x.y", {}, "here/x.y"),
        ("x" * 300, {}, "x" * 300),
        (None, {"name": "../../etc", "version": "1"}, "....etc-1"),
    ],
)
def test_how_names_begin(template: str | None, fields: dict[str, Any], prefix: str) -> None:
    Path("here").mkdir()
    assert output_prefix(template, fields) == prefix


@pytest.mark.parametrize(
    ("kind", "compression", "name"),
    [
        ("zvol", "none", "p.zvol"),
        ("zone-dataset", "gzip", "p.zfs.gz"),
        ("lx-dataset", "bzip2", "p.zfs.bz2"),
        ("zvol", "xz", "p.zvol.xz"),
        ("other", "zstd", "p.zfs.zst"),
    ],
)
def test_names(kind: str, compression: str, name: str) -> None:
    output = ImageOutput.of("p", {"type": kind}, compression)
    assert output == ImageOutput("p.imgmanifest", name)


OUTPUT = ImageOutput("p.imgmanifest", "p.zvol")


def found() -> dict[str, str]:
    return {path.name: path.read_text() for path in Path().iterdir() if path.is_file()}


def test_both_files_come() -> None:
    with OUTPUT.reserved() as files:
        Path("p.zvol").write_text("image")
        files.save_manifest({"name": "é"})
    assert found() == {"p.imgmanifest": '{\n  "name": "é"\n}', "p.zvol": "image"}


def test_neither_stays_after_a_failure() -> None:
    with contextlib.suppress(KeyboardInterrupt), OUTPUT.reserved() as files:
        Path("p.zvol").write_text("image")
        files.has_file = True
        raise KeyboardInterrupt
    assert found() == {}


@pytest.mark.parametrize("there", ["p.zvol", "p.imgmanifest"])
def test_nothing_is_overwritten_unasked(there: str) -> None:
    Path(there).write_text("old")
    with pytest.raises(FileSystemError, match=f'"{there}" exists') as caught, OUTPUT.reserved():
        pass
    assert (caught.value.code, found()) == ("EEXIST", {there: "old"})


def test_what_is_overwritten_stays_until_it_is() -> None:
    Path("p.imgmanifest").write_text("old")
    with pytest.raises(ValueError, match="no"), OUTPUT.reserved(overwrite=True):
        raise ValueError("no")
    assert found() == {"p.imgmanifest": "old"}
    with OUTPUT.reserved(overwrite=True) as files:
        Path("p.zvol").write_text("image")
        files.save_manifest({})
    assert found() == {"p.imgmanifest": "{}", "p.zvol": "image"}


@pytest.mark.parametrize("length", [230, 236, 243])
def test_names_as_long_as_can_be(length: int) -> None:
    output = ImageOutput.of("x" * length, {"type": "zvol"}, "none")
    with output.reserved() as files:
        with pytest.raises(FileSystemError, match="another process writes"), output.reserved():
            pass
        files.save_manifest({})
    assert [path.name for path in Path().iterdir()] == [output.manifest_path]


def test_two_do_not_write_the_same_files() -> None:
    with OUTPUT.reserved() as files:
        busy = 'another process writes "p.imgmanifest"'
        with pytest.raises(FileSystemError, match=busy), OUTPUT.reserved():
            pass
        OUTPUT.remove_leftovers(new=True)
        Path("p.zvol").write_text("image")
        files.save_manifest({})
    assert found() == {"p.imgmanifest": "{}", "p.zvol": "image"}


def test_what_others_put_there_meanwhile_stays() -> None:
    with OUTPUT.reserved() as files:
        Path("p.imgmanifest").write_text("theirs")
        Path("p.zvol").write_text("theirs")
        with pytest.raises(FileSystemError, match="File exists"):
            files.save_manifest({})
    assert found() == {"p.imgmanifest": "theirs", "p.zvol": "theirs"}


LEFT = ("p.zvol.0123abcd.partial", "p.imgmanifest.00000000.partial")
PARTIALS_OF_SOMEBODY = ("p.zvol.partial", "p.zvol.0123abc.partial", "q.zvol.0123abcd.partial")


@pytest.mark.parametrize(("new", "left"), [(True, set()), (False, {"p.zvol"})])
def test_leftovers_of_a_dead_process(new: bool, left: set[str]) -> None:
    for name in ("p.zvol", *LEFT, *PARTIALS_OF_SOMEBODY):
        Path(name).write_text("image")
    OUTPUT.remove_leftovers(new=new)
    # Without a reservation nobody has died who could have given the file its name.
    assert set(found()) == {"p.zvol", *PARTIALS_OF_SOMEBODY}
    Path(".p.imgmanifest.lock").touch()
    OUTPUT.remove_leftovers(new=new)
    assert set(found()) == left | set(PARTIALS_OF_SOMEBODY)


def test_an_image_that_a_dead_process_has_made_stays() -> None:
    """One that died after it had made the image, while it put the machine back."""
    for name in ("p.zvol", "p.imgmanifest"):
        Path(name).write_text("image")
    Path(".p.imgmanifest.lock").touch()
    OUTPUT.remove_leftovers(new=True)
    assert set(os.listdir()) == {"p.zvol", "p.imgmanifest"}


def test_the_next_run_removes_what_a_dead_one_left() -> None:
    for name in LEFT:
        Path(name).write_text("half")
    Path(".p.imgmanifest.lock").touch()
    with OUTPUT.reserved() as files:
        with NewFile("p.zvol") as file:
            file.commit()
        files.save_manifest({})
    assert set(found()) == {"p.zvol", "p.imgmanifest"}


@pytest.mark.parametrize("plant", [plant_link, plant_hard_link, plant_pipe, plant_directory])
def test_what_is_planted_in_the_place_of_the_reservation(plant: Callable[[Path], None]) -> None:
    Path("precious").write_text("precious")
    plant(Path(".p.imgmanifest.lock"))
    with (
        pytest.raises(FileSystemError, match=r"is not a file that imgadm made|cannot write"),
        OUTPUT.reserved(),
    ):
        pytest.fail("taken for a reservation")
    assert Path("precious").read_text() == "precious"
    assert os.path.lexists(".p.imgmanifest.lock")


@pytest.mark.parametrize(
    "template",
    ["/dev/null", "/dev/stdout", "/dev/fd/1", "/dev", "/dev/", "/dev/x", "pipe", "/proc/x"],
)
def test_no_place_for_files(template: str) -> None:
    os.mkfifo("pipe")
    with pytest.raises(UsageError, match="is no place for two files"):
        output_prefix(template, {})


def test_a_directory_that_is_not_there() -> None:
    output = ImageOutput("no/p.imgmanifest", "no/p.zfs")
    failure = 'cannot write to the directory "no"'
    with pytest.raises(FileSystemError, match=failure) as caught, output.reserved():
        pass
    assert caught.value.code == "ENOENT"
