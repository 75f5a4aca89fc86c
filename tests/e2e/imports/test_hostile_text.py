"""Texts of strangers drive no terminal, hide nothing and run nowhere; honest ones stay."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from imgadm.pools.directory.record import write_record

from .conftest import Serve
from .host import Finished, Host
from .images import Image, small_image
from .server import Request, as_json, html
from .test_terminal import Terminal

CONTROLS = "a\x1b]0;owned\x07\x1b[2J\x9b2J\x90b\x85c\x7f\x08b\tc"
MARKS = "a\u202egpj.exe\u2066b\u200f\u061c\u200b\ufeff\u2060\u00ad\u3164b\U000e0041\u180e"
LINES = "a\nimgadm: error: forged\rb\u2028c\u2029d\x0b\x0c"
HOSTILE = {
    "controls and marks": CONTROLS + MARKS,
    "lines": LINES,
    "half a letter": "a\ud83db\udc80",
    "a command": "a`touch gone`$(touch gone);touch gone\n$(touch gone)",
}
HONEST = "é 日本 שלום مرحبا 👩‍👩‍👧 ❤️ 🏳️‍🌈"


def assert_harmless(text: str, *, terminal: bool = False) -> None:
    """No character is one that a terminal obeys or nobody sees; ``terminal`` has drawn a bar."""
    if terminal:
        for control in ("\r\n", "\r\x1b[K", "\r", "\x1b[A"):
            text = text.replace(control, "\n")
    for line in text.replace("\u200d", "").split("\n"):
        assert line.replace("\t", "").isprintable(), ascii(line)
        for invisible in "\u3164\u115f\U000e0100":
            assert invisible not in line


def hostile_image(text: str) -> Image:
    """An image whose manifest has the text wherever a stranger can put it."""
    return small_image(
        description=text,
        homepage=text,
        tags={text: text, "docker:repo": text, "role": [text]},
        os=text,
        urn=text,
        **{text: {text: [text]}},
    )


def as_escaped(document: Any) -> Any:
    """A reply in which JSON escapes everything, so that even halves of letters arrive."""
    body = json.dumps(document).encode()
    return lambda request: request.answer(200, body, Content_Type="application/json")


@pytest.mark.parametrize("text", [*HOSTILE.values(), HONEST], ids=[*HOSTILE, "honest"])
def test_what_a_server_offers(host: Host, serve: Serve, text: str) -> None:
    """Lists, manifests and records show it escaped; as JSON it means what it meant."""
    image = hostile_image(text)
    uuid = image.uuid
    server = serve(
        image,
        special={
            "/images": as_escaped([image.manifest]),
            f"/images/{uuid}": as_escaped(image.manifest),
        },
    )
    host.root.mkdir()
    (host.root / "imgadm.conf").write_text(json.dumps({"sources": [{"url": server.url}]}))
    offered = host.run("avail", "-j")
    shown = host.run("show", uuid)
    table = host.run("avail", "-H", "-o", "uuid,description,tags,os")
    # On this host it is whatever wrote the record.
    (host.pool / uuid).mkdir(parents=True)
    (host.pool / uuid / "disk.raw").write_bytes(b"")
    write_record(host.pool / uuid, str(host.pool), image.manifest, server.url, {})
    got = host.run("get", uuid)
    listed = host.run("list", "-H", "-o", "uuid,description,tags,os,homepage")
    named = host.run("list", "-j", f"description={text}") if "\ud83d" not in text else got
    traced = host.run("-v", "show", uuid)
    runs = [offered, shown, table, got, listed, named, traced]
    assert [run.status for run in runs] == [0] * len(runs), runs
    runs += [host.run("update", uuid), host.run("vacuum", "-n"), host.run("delete", uuid)]
    for run in runs:
        assert_harmless(run.stdout + run.stderr)
    # Half a letter is no text, and is replaced when it is read.
    sent = json.dumps(image.manifest).replace("\\ud83d", "\ufffd").replace("\\udc80", "\ufffd")
    meant = json.loads(sent if text == HOSTILE["half a letter"] else json.dumps(image.manifest))
    assert json.loads(offered.stdout)[0]["manifest"] == meant
    assert json.loads(shown.stdout) == meant
    assert json.loads(got.stdout)["manifest"] == meant
    for line in traced.stderr.splitlines():
        json.loads(line)
    assert len(table.lines) == len(listed.lines) == 1
    if text == HONEST:
        assert all(HONEST in run.stdout for run in (offered, shown, table, got, listed))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_a_server_says_when_it_refuses(host: Host, serve: Serve, text: str) -> None:
    image = small_image()
    path = f"/images/{image.uuid}"

    def reason(request: Request) -> None:
        phrase = text.encode("utf-8", "surrogatepass").translate(None, b"\r\n")
        request.wfile.write(b"HTTP/1.1 500 " + phrase + b"\r\nContent-Length: 0\r\n\r\n")

    refusal = {"code": "Sad", "message": text, "errors": [{"field": text, "message": text}]}
    plain = text.encode("utf-8", "surrogatepass")
    answers = [
        as_json(refusal, 422),
        lambda request: request.answer(500, plain, Content_Type="text/plain"),
        reason,
        as_json({"uuid": text, "v": text}),
        html(500),
    ]
    server = serve(
        image, special={path: [as_json(image.manifest), *answers[1:]], f"{path}/file": answers}
    )
    runs = [host.run("import", "-S", server.url, image.uuid)]
    runs += [host.run("-E", "import", "--json", "-S", server.url, image.uuid) for _ in answers]
    assert {run.status for run in runs} == {1}
    for run in runs:
        assert_harmless(run.stdout + run.stderr)
        assert "this is a bug" not in run.stderr
    for run in runs[1:]:
        assert [event["event"] for event in run.events][-1] == "error"
        assert json.loads(run.stderr.splitlines()[-1])["err"]["code"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_names_of_the_operators_own(host: Host, text: str) -> None:
    """Files with odd names exist, and arguments are copied from anywhere."""
    name = (
        text.encode("utf-8", "surrogateescape" if "\udc80" in text else "strict")
        if ("\ud83d" not in text)
        else b"a\xff"
    )
    directory = bytes(host.temporary) + b"/" + name
    Path(directory.decode("utf-8", "surrogateescape")).mkdir()
    word: Any = name
    runs = [
        host.run(word),
        host.run("get", word),
        host.run("install", "-m", word, "-f", word),
        host.run("list", "-P", directory),  # type: ignore[arg-type]
        host.run("import", "-S", word, small_image().uuid),
        host.run("sources", "-a", word),
    ]
    for run in runs:
        assert_harmless(run.stdout + run.stderr)
        assert "this is a bug" not in run.stderr


def test_at_a_terminal(host: Host, serve: Serve) -> None:
    """The bar is named by a tag, and a question by what is recorded."""
    text = CONTROLS + MARKS
    image = small_image(description=text, tags={"docker:repo": text, text: text})
    server = serve(image)
    at = Terminal(host, 80, "import", "-S", server.url, image.uuid)
    assert at.finish() == 0
    assert_harmless(at.seen, terminal=True)


def test_who_asks_a_server(host: Host, tmp_path: Path) -> None:
    """Its log shows what strangers ask for."""
    folder = tmp_path / "folder"
    folder.mkdir()
    serving = host.start("serve", "-l", "127.0.0.1:0", str(folder))
    assert serving.process.stdout is not None
    port = int(serving.process.stdout.readline().rpartition(":")[2])
    for text in HOSTILE.values():
        target = text.encode("utf-8", "surrogatepass").translate(None, b"\r\n ")
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET /" + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
    serving.process.terminate()
    done = serving.finish()
    assert_harmless(done.stdout + done.stderr)


SHELLS = {
    "bash": """
source SCRIPT
COMP_LINE="imgadm WORDS" COMP_POINT=${#COMP_LINE} COMP_TYPE=9
COMP_WORDBREAKS=$' \\t\\n"><=;|&('
_imgadm
# What is inserted is run by whoever presses Enter.
for reply in "${COMPREPLY[@]}"; do eval "printf '%s\\n' $reply"; done
""",
    "fish": """
source SCRIPT
complete -C 'imgadm WORDS'
""",
}


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_runs_nothing(host: Host, serve: Serve, tmp_path: Path, shell: str) -> None:
    """What sources offer is data to the shells, whatever is in it."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    text = HOSTILE["a command"]
    image = small_image().having(name=text, version="$(touch gone)`touch gone`")
    server = serve(image, special={"/images": as_escaped([image.manifest])})
    host.root.mkdir()
    sources = [
        {"url": server.url},
        {"url": f"{server.url}/$(touch${{IFS}}gone);`touch${{IFS}}gone`"},
    ]
    (host.root / "imgadm.conf").write_text(json.dumps({"sources": sources}))
    programs = tmp_path / "programs"
    programs.mkdir()
    runner = programs / "imgadm"
    runner.write_text(f'#!/bin/sh\nexec {" ".join(host.runner)} "$@"\n')
    runner.chmod(0o755)
    suffix = {"bash": "bash", "fish": "fish"}[shell]
    module = f"imgadm.cli.reference.completions.{suffix}"
    made = subprocess.run(
        [host.runner[0], "-c", f"import {module} as it; print(it.script())"],
        env=host.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    script = tmp_path / f"completion.{suffix}"
    script.write_text(made.stdout)
    environment = host.environment | {"PATH": f"{programs}:{host.environment['PATH']}"}
    for words in ("show ", "import ", "sources -d "):
        program = SHELLS[shell].replace("SCRIPT", str(script)).replace("WORDS", words)
        done = subprocess.run(
            [shell, "-c", program],
            env=environment,
            cwd=host.temporary,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert_harmless(done.stdout)
        expected = image.uuid if "sources" not in words else server.url.partition("//")[2]
        assert expected in done.stdout, done
        assert len(done.stdout.splitlines()) <= 2
    assert not list(host.temporary.rglob("gone"))


def test_finished_is_what_ran(host: Host) -> None:
    """The check itself finds what it is to find."""
    for text in (*CONTROLS.split("b")[:2], *MARKS[1:2], "\u200b", "\u3164", "\x9b", "\ud83d", "\r"):
        with pytest.raises(AssertionError):
            assert_harmless(text)
    assert_harmless(HONEST)
    assert isinstance(host.run("--version"), Finished)
