"""Records of installed images: their layout, and what damage does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imgadm.base.errors import FileSystemError
from imgadm.state.database import Database, Record

UUID = "01b2c898-945f-11e1-a523-af1afbe22822"
MANIFEST = {"v": 2, "uuid": UUID, "name": "naïve"}


def test_layout(tmp_path: Path) -> None:
    Database(tmp_path / "images").write("zones", MANIFEST, "http://s?channel=dev")
    content = (tmp_path / "images" / f"zones-{UUID}.json").read_text("utf-8")
    assert content == (
        "{\n"
        '  "manifest": {\n'
        '    "v": 2,\n'
        f'    "uuid": "{UUID}",\n'
        '    "name": "naïve"\n'
        "  },\n"
        '  "zpool": "zones",\n'
        '  "source": "http://s?channel=dev"\n'
        "}\n"
    )
    assert [path.name for path in (tmp_path / "images").iterdir()] == [f"zones-{UUID}.json"]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    database = Database(tmp_path)
    database.write("zones", MANIFEST, None, extra={"mine": [1]})
    assert "source" not in json.loads((tmp_path / f"zones-{UUID}.json").read_bytes())
    assert database.read("zones", UUID) == Record(MANIFEST, None, {"mine": [1]})
    assert database.read("tank", UUID) is None


def test_removal(tmp_path: Path) -> None:
    database = Database(tmp_path)
    database.write("zones", MANIFEST, None)
    database.remove("zones", UUID)
    database.remove("zones", UUID)
    assert list(tmp_path.iterdir()) == []
    Database(tmp_path / "nowhere").remove("zones", UUID)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is not valid JSON"),
        (b"{bad", "is not valid JSON"),
        (b"\xff\xfe", "is not valid JSON"),
        (b"[" * 100_000, "is not valid JSON"),
        (b"null", 'has no "manifest" object'),
        (b"[]", 'has no "manifest" object'),
        (b'{"manifest": 7}', 'has no "manifest" object'),
        (b'{"manifest": {}}', "is about another image, null"),
        (b'{"manifest": {"uuid": "x"}}', 'is about another image, "x"'),
    ],
)
def test_damage_is_named_and_survived(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / f"zones-{UUID}.json"
    path.write_bytes(content)
    warnings: list[str] = []
    assert Database(tmp_path, warn=warnings.append).read("zones", UUID) is None
    assert warnings == [f'ignoring the record of image {UUID}: "{path}" {complaint}']


def test_a_record_that_is_no_file(tmp_path: Path) -> None:
    (tmp_path / f"zones-{UUID}.json").mkdir()
    warnings: list[str] = []
    database = Database(tmp_path, warn=warnings.append)
    assert database.read("zones", UUID) is None
    assert len(warnings) == 1
    with pytest.raises(FileSystemError) as caught:
        database.write("zones", MANIFEST, None)
    assert caught.value.code == "EISDIR"
    assert [path.name for path in tmp_path.iterdir()] == [f"zones-{UUID}.json"]


def test_names_cannot_lead_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a file name"):
        Database(tmp_path).read("../etc", UUID)
