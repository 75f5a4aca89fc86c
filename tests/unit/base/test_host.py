"""The platform of the host, where it has one, and what sysinfo may say instead."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imgadm.base.errors import ImgadmError
from imgadm.base.programs import host_platform as host


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo nonsense", 'should print a JSON object, and printed "nonsense'),
        ("echo '[]'", 'should print a JSON object, and printed "\\[\\]'),
        ("head -c 100000 /dev/zero | tr '\\0' '['", "should print a JSON object"),
        ("head -c 1000 /dev/zero", "should print a JSON object"),
        ("""echo '{"SDC Version": 7}'""", 'a text as its SDC Version, and printed "7"'),
        ("echo no >&2; exit 1", "could not tell the platform:\n\tcommand: "),
        ("sleep 60", "has not ended after 0.5 seconds"),
    ],
)
def test_a_platform_that_is_not_told(
    script: str,
    message: str,
    install_program: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_program("sysinfo", script)
    monkeypatch.setenv("IMGADM_PATIENCE", "0.5")
    with pytest.raises(ImgadmError, match=message):
        host.host_platform()


def test_platform(install_program: Callable[[str, str], str]) -> None:
    install_program(
        "sysinfo", """echo '{"SDC Version": "7.0", "Live Image": "20200101T000000Z"}'"""
    )
    assert host.host_platform() == host.HostPlatform("7.0", "20200101T000000Z")
