"""A server that is killed at any step of a change: the next one finds the image before or after."""

from __future__ import annotations

import hashlib
import io
import json
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from imgadm.serve import WritableFolder
from imgadm.serve.catalogues.writable.refusals import RefusedError
from imgadm.serve.catalogues.writable.uploads import FileFacts
from imgadm.serve.http.request_body import RequestBody
from imgadm.serve.http.request_head import parse_head
from imgadm.serve.imgapi.submitted import submitted_manifest

from .conftest import UUID, manifest
from .test_writable import ZVOL

OLD, NEW = b"old content", b"newer content"
STEPS = ("link", "rename", "unlink", "rmdir", "mkdir", "fsync", "open")
MOST_STEPS = 100


class Bytes(io.BytesIO):
    """What a client sends, where a connection is expected."""

    def readinto(self, memory: Any) -> int:
        return super().readinto(memory)


def body_of(data: bytes) -> RequestBody:
    text = f"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    return RequestBody(parse_head(text), Bytes(data), lambda: None)


def create(folder: WritableFolder) -> None:
    folder.create(submitted_manifest(json.dumps({**manifest(), **ZVOL}).encode(), UUID))


def upload(data: bytes) -> Callable[[WritableFolder], None]:
    return lambda folder: folder.add_file(UUID, FileFacts("none"), body_of(data)) and None


def activate(folder: WritableFolder) -> None:
    folder.activate(UUID)


def disable(folder: WritableFolder) -> None:
    folder.disable(UUID, disabled=True)


def delete(folder: WritableFolder) -> None:
    folder.delete(UUID)


def put_there_by_hand(folder: WritableFolder) -> None:
    (folder._folder / "mine.json").write_text(json.dumps(manifest()))
    (folder._folder / "mine.zvol").write_bytes(OLD)


Step = Callable[[WritableFolder], None]

BARE: list[Step] = [create]
FILED = [*BARE, upload(OLD)]
ACTIVE = [*FILED, activate]
BY_HAND: list[Step] = [put_there_by_hand]
CHANGES: dict[str, tuple[list[Step], Step]] = {
    "create": ([], create),
    "first file": (BARE, upload(OLD)),
    "other file": (FILED, upload(NEW)),
    "activate": (FILED, activate),
    "disable": (ACTIVE, disable),
    "delete": (ACTIVE, delete),
    "delete draft": (FILED, delete),
    "disable pair": (BY_HAND, disable),
    "delete pair": (BY_HAND, delete),
}


DONE_ALREADY = {
    "create": "TAKEN",
    "activate": "ACTIVATED",
    "delete": "UNKNOWN",
    "delete draft": "UNKNOWN",
    "delete pair": "UNKNOWN",
}
"""Why a change is refused that the killed server has made, without telling its client."""


def refusal_of(step: Step, folder: WritableFolder) -> str:
    try:
        step(folder)
    except RefusedError as error:
        return error.refusal.name
    return ""


@contextmanager
def killed_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End this process in the place of its ``step``-th change of the disk."""
    count = 0

    def dying(function: Any) -> Any:
        def call(*arguments: Any, **settings: Any) -> Any:
            nonlocal count
            count += 1
            if count == step:
                os._exit(9)
            return function(*arguments, **settings)

        return call

    with monkeypatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, dying(getattr(os, name)))
        yield


def change(
    folder: Path, before: list[Step], after: Step, step: int, patch: pytest.MonkeyPatch
) -> bool:
    """Bring the folder to its state, then make the change in a process that is killed at a step.

    Returns whether it was killed.
    """
    child = os.fork()
    if child == 0:
        try:
            serving = WritableFolder(folder)
            with serving.opened():
                for one in before:
                    one(serving)
                with killed_at(step, patch):
                    after(serving)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9)
    return code == 9


def look(folder: WritableFolder) -> Any:
    """The image as the server has it: its state, and its file."""
    found = folder.find(UUID)
    if found is None:
        return None
    source = found.open_file()
    content = None
    if source is not None:
        content = source.file.read()
        source.close()
        assert hashlib.sha1(content).hexdigest() == found.manifest["files"][0]["sha1"]
    return found.manifest["state"], found.manifest.get("disabled", False), content


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", CHANGES)
def test_server_that_is_killed(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # which takes most of the time
    before, after = CHANGES[name]
    whole = tmp_path / "whole"
    whole.mkdir()
    assert not change(whole, before, after, 0, monkeypatch)
    wanted = names(whole)
    step = 0
    was_killed = True
    while was_killed:
        step += 1
        assert step < MOST_STEPS
        folder = tmp_path / str(step)
        folder.mkdir()
        was_killed = change(folder, before, after, step, monkeypatch)
        serving = WritableFolder(folder)
        with serving.opened():
            seen = look(serving)
            assert refusal_of(after, serving) in ("", DONE_ALREADY.get(name)), (step, seen)
        assert names(folder) == wanted, (step, seen)
    assert step > 3
