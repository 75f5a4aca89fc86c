"""Debian's contrib is asked of the mirrors that serve main, in each style of apt's sources."""

from __future__ import annotations

import pytest

from tests.stands.zfsvm.apt_sources import contrib_entries

DEBIAN = frozenset({"http://deb.debian.org/debian"})

ONE_LINE = """\
# deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm main non-free-firmware  # the mirror
deb [signed-by=/k.gpg arch=amd64] http://deb.debian.org/debian/ bookworm-updates main
deb-src http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian-security bookworm-security main
deb https://apt.example.com stable main
"""

STANZAS = """\
Types: deb
# a comment within
URIs: http://deb.debian.org/debian/
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQ==

Types: deb
URIs: https://apt.example.com
Suites: stable
Components: main
"""


def test_one_line_entries() -> None:
    assert contrib_entries(ONE_LINE, style="list", mirrors=DEBIAN).splitlines() == [
        "deb http://deb.debian.org/debian bookworm contrib",
        "deb [signed-by=/k.gpg arch=amd64] http://deb.debian.org/debian/ bookworm-updates contrib",
    ]


def test_stanza_keeps_its_mirror_suites_and_key() -> None:
    assert contrib_entries(STANZAS, style="sources", mirrors=DEBIAN).splitlines() == [
        "Types: deb",
        "URIs: http://deb.debian.org/debian/",
        "Suites: bookworm bookworm-updates",
        "Components: contrib",
        "Signed-By:",
        " -----BEGIN PGP PUBLIC KEY BLOCK-----",
        " .",
        " mQ==",
    ]


@pytest.mark.parametrize(("style", "text"), [("list", ONE_LINE), ("sources", STANZAS)])
def test_no_entry_of_another_mirror(style: str, text: str) -> None:
    elsewhere = frozenset({"http://mirror.example.org/debian"})
    assert contrib_entries(text, style=style, mirrors=elsewhere) == ""
