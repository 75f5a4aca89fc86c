"""The examples of the documentation do what the documentation says."""

from __future__ import annotations

import functools
import http.server
import json
import re
import threading
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from imgadm import streams
from imgadm.base.errors import ImgadmError
from imgadm.cli.failures import InterruptError
from imgadm.machines.errors import PrepareImageError

TREE = Path(__file__).parents[2]
SAMPLES = TREE / "tests" / "data" / "zfs-streams"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
ANYTHING = re.escape("<*>")
DOCUMENTS = sorted(
    str(document.relative_to(TREE))
    for document in [*TREE.glob("*.md"), *TREE.glob("docs/**/*.md")]
    if BLOCK.search(document.read_text())
)


@pytest.fixture
def url() -> Iterator[str]:
    """Where a server offers a sample file."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(SAMPLES))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/zvol-full.zsend.xz"
        server.shutdown()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_examples_print_what_the_document_shows(
    document: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tests").symlink_to(TREE / "tests")
    monkeypatch.chdir(tmp_path)
    examples = BLOCK.findall((TREE / document).read_text())
    assert examples
    names = {"url": url}
    for code, expected in examples:
        printed = StringIO()
        with redirect_stdout(printed):
            exec(compile(code, document, "exec"), names)
        if expected:
            pattern = re.escape(expected).replace(ANYTHING, ".*")
            assert re.fullmatch(pattern, printed.getvalue()), printed.getvalue()


def test_links_between_documents_lead_somewhere() -> None:
    documents = [*TREE.glob("*.md"), *TREE.glob("docs/**/*.md")]
    assert len(documents) > len(DOCUMENTS) > 1
    for document in documents:
        for target in re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_files_that_documents_name_are_there() -> None:
    names = re.compile(
        r"`((?:imgadm|native|benchmarks|scripts|tests|unit|e2e|zfs|golden)/[\w/.-]+)`"
    )
    for document in TREE.glob("docs/**/*.md"):
        for name in names.findall(document.read_text()):
            found = (TREE / name).exists() or (TREE / "tests" / name).exists()
            assert found, f"{document.relative_to(TREE)}: {name}"


def test_every_public_name_of_streams_has_its_place() -> None:
    page = (TREE / "docs" / "reference" / "streams-api.md").read_text()
    assert sorted(re.findall(r"^::: imgadm\.streams\.(\w+)$", page, re.M)) == sorted(
        streams.__all__
    )


def test_recorded_figures_are_those_of_the_page() -> None:
    page = (TREE / "docs" / "explanation" / "performance.md").read_text()
    shown = {
        float(figure) for figure in re.findall(r"\| ([\d.]+)(?: \([\d.]+ to [\d.]+\))? \|", page)
    }
    for result in (TREE / "benchmarks" / "recorded").glob("*.json"):
        for row in json.loads(result.read_text())["rows"]:
            assert row["figure"] in shown, f"{result.name}: {row['what']}"
    for picture in re.findall(r"\]\(figures/([\w.]+)\)", page):
        assert (TREE / "docs" / "explanation" / "figures" / picture).exists()


def test_every_code_of_an_error_is_documented() -> None:
    text = (TREE / "docs" / "reference" / "scripting.md").read_text()
    codes = {code for code in codes_of(ImgadmError) if code is not None}
    assert {InterruptError.code, PrepareImageError.code} <= codes
    assert sorted(code for code in codes if f"`{code}`" not in text) == []


def test_changes_have_a_type_and_say_something() -> None:
    settings = tomllib.loads((TREE / "pyproject.toml").read_text())["tool"]["towncrier"]
    types = {type_["directory"] for type_ in settings["type"]}
    for change in sorted(set((TREE / "changes").iterdir()) - {TREE / "changes" / "README.md"}):
        name, type_, ending = change.name.split(".")
        assert name
        assert (type_ in types, ending) == (True, "md"), change.name
        assert change.read_text().strip().endswith("."), change.name
    assert settings["start_string"] in (TREE / "CHANGELOG.md").read_text()


def codes_of(kind: type[ImgadmError]) -> Iterator[str | None]:
    yield kind.code
    for below in kind.__subclasses__():
        yield from codes_of(below)
