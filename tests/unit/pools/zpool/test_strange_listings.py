"""Listings that make no sense, of datasets and of zones: none makes an image of a machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from imgadm.base.errors import InternalError
from imgadm.base.programs.completed import Completed
from imgadm.pools.zpool.discovery import FoundImage, find_images, names_below, zone_roots

UUID = "01b2c898-945f-11e1-a523-af1afbe22822"


def images_in(
    listing: Completed,
    roots: frozenset[str] = frozenset(),
    warn: Callable[[str], None] = pytest.fail,
) -> list[FoundImage]:
    """What is found where nothing is recorded, and no property came with a stream."""
    return find_images(listing, roots, lambda *_: False, warn, lambda _: False)


def printed(stdout: str) -> Completed:
    return Completed(("zfs", "list"), 0, stdout, "")


@pytest.mark.parametrize(
    ("stdout", "got"),
    [
        ("zones\t-\t/zones\n", "zones\\t-\\t/zones"),
        ("zones\t-\t/zones\t-\t1\t-\n", "zones\\t-\\t/zones\\t-\\t1\\t-"),
        ("zones\t-\t/zones\t-\t1\n\n", ""),
        ("\0\udcff\x1b[31m\n", "\\x00\\udcff\\x1b[31m"),
        ("x" * 1000, "x" * 200 + "..."),
    ],
)
def test_a_listing_that_makes_no_sense_is_refused(stdout: str, got: str) -> None:
    with pytest.raises(InternalError) as caught:
        images_in(printed(stdout))
    assert caught.value.message == (
        f'"zfs list" should print lines of 5 fields, and printed "{got}"'
    )


def test_a_property_cannot_pass_for_the_dataset_of_another() -> None:
    """A machine may own a dataset and give it any property, with newlines in it too."""
    forged = f"x\t1\nzones/{UUID}\t-\t/elsewhere\tno"
    listing = printed(f"zones/{UUID}\t-\t/root\t-\t1\nzones/machine/data\t-\t/data\t{forged}\t1\n")
    with pytest.raises(InternalError, match=f'every dataset once, and printed "zones/{UUID}"'):
        images_in(listing, frozenset({"/root"}))


def test_only_newlines_end_lines() -> None:
    odd = "/a\x0bb\x85c\u2028d\re"
    listing = printed(f"zones/{UUID}\t-\t{odd}\t-\t1\n")
    assert images_in(listing, frozenset({odd})) == []
    assert len(images_in(listing, frozenset({"/a"}))) == 1


@pytest.mark.parametrize(
    ("value", "is_image", "warned"),
    [
        ("-", True, False),
        ("no", True, False),
        ("false", True, False),
        ("yes", False, False),
        ("true", False, False),
        ("TRUE", True, True),
        ("maybe", True, True),
    ],
)
def test_ignored_datasets(value: str, is_image: bool, warned: bool) -> None:
    warnings: list[str] = []
    row = f"zones/{UUID}\t-\t/zones/x\t{value}\t1\n"
    found = images_in(printed(row), warn=warnings.append)
    assert [image.uuid for image in found] == [UUID] * is_image
    wanted = (
        f'dataset zones/{UUID}: TypeError: invalid value for "imgadm:ignore" zfs property: '
        f'"{value}"'
    )
    assert warnings == [wanted] * warned


@pytest.mark.parametrize(
    "stdout",
    ["", "other\n", "zones/a\nzones/b@final\n", "zones/a\nzones/ab@x\n", "zones/a\tx\n", "\n"],
)
def test_names_elsewhere_than_below_a_dataset_are_refused(stdout: str) -> None:
    with pytest.raises(InternalError, match='"zfs list" should print '):
        names_below(printed(stdout), "zones/a")


def test_names_below_a_dataset() -> None:
    names = ["zones/a", "zones/a@final", "zones/a#mark", "zones/a/b", "zones/a/b@x"]
    assert names_below(printed("\n".join(names) + "\n"), "zones/a") == names


ZONES = r"""
0:global:running:/::liveimg:shared:
21:web:running:/zones/web:aaaaaaaa-1111-4111-8111-000000000001:joyent-minimal:excl:21
-:odd:installed:/zones/a\:b:bbbbbbbb-1111-4111-8111-000000000002:kvm:excl:22
""".lstrip()


def test_zone_roots(install_program: Callable[[str, str], str], tmp_path: Path) -> None:
    (tmp_path / "zones").write_text(ZONES)
    install_program("zoneadm", f"cat {tmp_path}/zones")
    assert zone_roots() == {"/", "/zones/web", "/zones/a:b"}


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 0", "should print lines of 4 or more fields"),
        ("echo global", 'should print lines of 4 or more fields, and printed "global"'),
        (r"printf 'a:b:c:/\n\377\0\n'", 'and printed "\\\\udcff\\\\x00"'),
        ("echo no >&2; exit 1", "could not list zones:\n\tcommand: "),
        ("sleep 60", "has not ended after 0.5 seconds"),
    ],
)
def test_zones_that_zoneadm_does_not_list_are_an_error(
    script: str,
    message: str,
    install_program: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No zones would make images of all machines."""
    install_program("zoneadm", script)
    monkeypatch.setenv("IMGADM_PATIENCE", "0.5")
    with pytest.raises(InternalError, match=message):
        zone_roots()
