"""What runs where."""

from __future__ import annotations

import pytest

from imgadm.base.errors import UsageError
from imgadm.registry import Platform


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("linux/amd64", Platform("linux", "amd64")),
        ("Linux/x86_64", Platform("linux", "amd64")),
        ("linux/aarch64", Platform("linux", "arm64")),
        ("linux/armhf", Platform("linux", "arm", "v7")),
        ("linux/arm/v6", Platform("linux", "arm", "v6")),
        ("linux/arm64/v8", Platform("linux", "arm64", "v8")),
        ("linux/arm64/8", Platform("linux", "arm64", "v8")),
        ("linux/arm/7", Platform("linux", "arm", "v7")),
        ("linux/arm/V6", Platform("linux", "arm", "v6")),
        ("linux/mips/r2", Platform("linux", "mips", "r2")),
        ("linux/s390x/13", Platform("linux", "s390x", "13")),
    ],
)
def test_names(text: str, platform: Platform) -> None:
    assert Platform.parse(text) == platform
    assert Platform.parse(str(platform)) == platform


@pytest.mark.parametrize("text", ["", "linux", "linux/", "a/b/c/d", "linux/amd 64", "linux/../x"])
def test_what_names_none(text: str) -> None:
    with pytest.raises(UsageError, match="invalid platform"):
        Platform.parse(text)


@pytest.mark.parametrize(("variant", "meant"), [("8", "v8"), ("V8", "v8"), ("", None), (8, None)])
def test_variants_that_images_name(variant: object, meant: str | None) -> None:
    entry = {"os": "linux", "architecture": "arm64", "variant": variant}
    assert Platform.of_entry(entry) == Platform("linux", "arm64", meant)


@pytest.mark.parametrize(
    ("wanted", "offered", "rank"),
    [
        ("linux/amd64", "linux/amd64", 0),
        ("linux/amd64", "linux/amd64/v1", 0),
        ("linux/amd64", "linux/amd64/v2", None),
        ("linux/amd64/v3", "linux/amd64/v2", 1),
        ("linux/amd64/v3", "linux/amd64", 2),
        ("linux/amd64", "linux/386", None),
        ("linux/amd64", "windows/amd64", None),
        ("linux/arm64", "linux/arm64/v8", 0),
        ("linux/arm64/v8", "linux/arm64", 0),
        ("linux/arm64/v9", "linux/arm64", 1),
        ("linux/arm64", "linux/arm64/v9", None),
        ("linux/arm64", "linux/arm/v7", None),
        ("linux/arm/v7", "linux/arm", 0),
        ("linux/arm/v7", "linux/arm/v6", 1),
        ("linux/arm/v7", "linux/arm/v5", 2),
        ("linux/arm/v6", "linux/arm/v7", None),
        ("linux/arm/v6", "linux/arm", None),
        ("linux/ppc64le", "linux/ppc64le", 0),
        ("linux/mips/r2", "linux/mips/r6", None),
    ],
)
def test_rank(wanted: str, offered: str, rank: int | None) -> None:
    assert Platform.parse(wanted).rank(Platform.parse(offered)) == rank


@pytest.mark.parametrize(
    "entry",
    [None, [], {}, {"os": "linux"}, {"os": 1, "architecture": "x"}, {"os": "", "architecture": ""}],
)
def test_entries_that_do_not_tell(entry: object) -> None:
    assert Platform.of_entry(entry) is None
