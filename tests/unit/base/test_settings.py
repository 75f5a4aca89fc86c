"""Where state is kept, by environment and user."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from imgadm.base.errors import UsageError
from imgadm.base.settings import Settings, patience


@pytest.mark.parametrize(
    ("environ", "uid", "root", "locks", "legacy"),
    [
        ({}, 0, "/var/imgadm", "/var/run", "/var/db/imgadm"),
        ({"IMGADM_ROOT": ""}, 0, "/var/imgadm", "/var/run", "/var/db/imgadm"),
        ({"IMGADM_ROOT": "/x/imgadm"}, 0, "/x/imgadm", "/x/imgadm/locks", "/x/db/imgadm"),
        ({"IMGADM_ROOT": "/x/y"}, 7, "/x/y", "/x/y/locks", "/x/db/imgadm"),
        (
            {"HOME": "/home/me"},
            7,
            "/home/me/.local/share/imgadm",
            "/home/me/.local/share/imgadm/locks",
            None,
        ),
        (
            {"HOME": "/home/me", "XDG_DATA_HOME": "/data"},
            7,
            "/data/imgadm",
            "/data/imgadm/locks",
            None,
        ),
        (
            {"HOME": "/home/me", "XDG_DATA_HOME": "relative"},
            7,
            "/home/me/.local/share/imgadm",
            "/home/me/.local/share/imgadm/locks",
            None,
        ),
    ],
)
def test_directories(
    environ: dict[str, str], uid: int, root: str, locks: str, legacy: str | None
) -> None:
    settings = Settings.from_environment(environ, uid=uid)
    assert settings.root == Path(root)
    assert settings.lock_directory == Path(locks)
    assert settings.legacy_directory == (legacy and Path(legacy))


def test_a_relative_root_is_below_the_current_directory() -> None:
    settings = Settings.from_environment({"IMGADM_ROOT": "state"}, uid=0)
    assert settings.root == Path.cwd() / "state"


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)
    monkeypatch.delenv("HOME")
    with pytest.raises(UsageError, match="cannot tell your home directory"):
        Settings.from_environment({}, uid=7)


@pytest.mark.parametrize(("given", "seconds"), [("", None), ("2", 2.0), ("0.25", 0.25)])
def test_patience(given: str, seconds: float | None) -> None:
    assert patience({"IMGADM_PATIENCE": given}) == seconds


def test_a_home_that_is_none() -> None:
    with pytest.raises(UsageError, match="IMGADM_ROOT"):
        Settings.from_environment({"HOME": "nowhere"}, uid=7)


@pytest.mark.parametrize(
    ("environ", "request_id"),
    [
        ({"REQ_ID": "a", "req_id": "b"}, "a"),
        ({"req_id": "b"}, "b"),
        ({"REQ_ID": "", "req_id": "b"}, "b"),
        ({"REQ_ID": "a-b:7/~"}, "a-b:7/~"),
    ],
)
def test_request_id_is_given(environ: dict[str, str], request_id: str) -> None:
    assert Settings.from_environment(environ, uid=0).request_id == request_id


@pytest.mark.parametrize("unfit", ["two words", "a\nx: y", "é", "\x7f", "x" * 129])
def test_request_id_that_no_server_can_be_sent_is_replaced(unfit: str) -> None:
    given = Settings.from_environment({"REQ_ID": unfit}, uid=0).request_id
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", given)


def test_request_id_is_a_fresh_uuid() -> None:
    first, second = (Settings.from_environment({}, uid=0).request_id for _ in range(2))
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", first)
    assert first != second


@pytest.mark.parametrize(("value", "insecure"), [("1", True), ("0", False), ("", False)])
def test_insecure(value: str, insecure: bool) -> None:
    assert Settings.from_environment({"IMGADM_INSECURE": value}, uid=0).insecure is insecure


def test_default_pool() -> None:
    assert Settings.from_environment({"IMGADM_POOL": "/a/path"}, uid=0).default_pool == "/a/path"
    assert Settings.from_environment({"IMGADM_POOL": ""}, uid=0).default_pool is None
