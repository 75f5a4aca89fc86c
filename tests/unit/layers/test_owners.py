"""What an ordinary user cannot set: recorded beside the root, read again, and never in the way."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imgadm import streams
from imgadm.layers import OWNERS_FILE_NAME, Ownership, Recorded, read_owners

from .independent import needs_root
from .layer_builder import archive, contents, directory, entry, file, link, symlink, unpack

CAPABILITY = bytes.fromhex("0100000200200000" + "00" * 12)
CAPABLE = {"SCHILY.xattr.security.capability": CAPABILITY.decode("latin-1")}

ROOT_OWNED = Recorded(0, 0)


def recorded(root: Path, *layers: bytes) -> dict[str, Recorded]:
    """What is recorded after the layers have been unpacked as by an ordinary user."""
    unpack(root, *layers, policy=Ownership.RECORDED)
    return {
        path.decode("utf-8", "surrogateescape"): what
        for path, what in read_owners(root.parent / OWNERS_FILE_NAME)
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "image" / "root"


def test_only_what_is_not_on_disk_has_a_line(root: Path) -> None:
    found = recorded(
        root,
        archive(
            directory("d"),
            file("d/plain"),
            symlink("d/link", "plain"),
            file("d/others", owner=(33, 0)),
            symlink("d/others-link", "x", owner=(0, 34)),
            entry("d/others-pipe", "fifo", owner=(4_000_000_000, 1)),
            file("d/set-id", mode=0o6711),
            file("d/no-reader", mode=0o044),
            directory("closed", mode=0o000),
            directory("shared", mode=0o3777, owner=(0, 8)),
            file("d/latin-\udce9", owner=(1, 1)),
        ),
    )
    assert found == {
        "d/others": Recorded(33, 0),
        "d/others-link": Recorded(0, 34),
        "d/others-pipe": Recorded(4_000_000_000, 1),
        "d/set-id": Recorded(0, 0, mode=0o6711),
        "d/no-reader": Recorded(0, 0, mode=0o044),
        "closed": Recorded(0, 0, mode=0),
        "shared": Recorded(0, 8, mode=0o3777),
        "d/latin-\udce9": Recorded(1, 1),
    }
    assert read_owners(root.parent / OWNERS_FILE_NAME)[b"d/plain"] == ROOT_OWNED
    modes = {
        name: (root / name).stat().st_mode & 0o7777
        for name in ("d/set-id", "d/no-reader", "closed", "shared")
    }
    assert modes == {"d/set-id": 0o711, "d/no-reader": 0o444, "closed": 0o700, "shared": 0o1777}


def test_devices_become_empty_files(root: Path) -> None:
    found = recorded(
        root,
        archive(
            entry("null", "character", device=(1, 3), mode=0o666),
            entry("disk", "block", device=(8, 300), mode=0o060, owner=(0, 6), mtime=5),
        ),
    )
    assert found == {
        "null": Recorded(0, 0, type="character device", device=(1, 3)),
        "disk": Recorded(0, 6, mode=0o060, type="block device", device=(8, 300)),
    }
    assert contents(root) == {"null": "", "disk": ""}
    assert (root / "disk").stat().st_mtime == 5


def test_hard_links_share_what_is_recorded(root: Path) -> None:
    found = recorded(
        root, archive(file("a", owner=(5, 6)), link("b", "a")), archive(link("c/d", "b"))
    )
    assert found == dict.fromkeys(("a", "b", "c/d"), Recorded(5, 6))


def test_what_is_removed_or_replaced_is_no_longer_recorded(root: Path) -> None:
    lower = [
        directory("d", owner=(1, 1)),
        file("d/x", owner=(2, 2)),
        file("d/y", owner=(3, 3)),
        directory("d/sub", owner=(4, 4)),
        file("d/sub/z", owner=(5, 5)),
        file("e", owner=(6, 6)),
    ]
    assert recorded(
        root,
        archive(*lower),
        archive(entry("d/.wh.x"), file("e"), file("d/sub", owner=(7, 7))),
    ) == {
        "d": Recorded(1, 1),
        "d/y": Recorded(3, 3),
        "d/sub": Recorded(7, 7),
    }
    assert recorded(
        root,
        archive(directory("d"), entry("d/.wh..wh..opq"), file("d/x", owner=(8, 8))),
    ) == {"d": ROOT_OWNED, "d/x": Recorded(8, 8)}


def test_each_layer_is_read_as_if_it_were_written_at_once(root: Path) -> None:
    """Layer by layer, the file goes on; the links of a path are resolved in it."""
    layers = [
        archive(directory("usr/lib"), symlink("lib", "usr/lib")),
        archive(file("lib/a", owner=(1, 2))),
    ]
    assert recorded(root, *layers) == {"usr/lib/a": Recorded(1, 2)}
    lines = [json.loads(line) for line in (root.parent / OWNERS_FILE_NAME).read_text().splitlines()]
    assert lines == [
        {"version": 1, "owners": "recorded"},
        {"path": "usr/lib/a", "uid": 1, "gid": 2},
    ]


def test_the_example_in_the_documentation(tmp_path: Path) -> None:
    text = Path(__file__).parents[3].joinpath("docs", "explanation", "layers.md").read_text()
    example = text.partition("```json\n")[2].partition("```")[0]
    (tmp_path / OWNERS_FILE_NAME).write_text(example)
    assert dict(read_owners(tmp_path / OWNERS_FILE_NAME)) == {
        b"dev/null": Recorded(0, 0, mode=0o666, type="character device", device=(1, 3)),
        b"srv/www": Recorded(33, 33),
        b"usr/bin/passwd": Recorded(0, 0, mode=0o4755),
        b"usr/bin/also-passwd": Recorded(0, 0, mode=0o4755),
        b"usr/bin/ping": Recorded(0, 0, xattrs={b"security.capability": CAPABILITY}),
    }


def test_without_a_file_all_is_as_on_disk(tmp_path: Path) -> None:
    owners = read_owners(tmp_path / "none")
    assert (list(owners), owners[b"any/path"]) == ([], Recorded())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "does not begin as a record of owners of version 1"),
        ('{"version": 2, "owners": "real"}\n', "does not begin as a record of owners of version 1"),
        ('{"version": 1, "owners": "real"}\n{"path": 1}\n', "line 2 is no record of an owner"),
        ('{"version": 1, "owners": "real"}\n[]\n', "line 2 is no record of an owner"),
        ('{"version": 1, "owners": "real"}\n{"path": "a', "line 2 is no record of an owner"),
        ('{"version": 1, "owners": "real"}\n{"path": "a", "uid": "x"}', "line 2 is no record"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, text: str, wanted: str) -> None:
    path = tmp_path / OWNERS_FILE_NAME
    path.write_text(text)
    with pytest.raises(ValueError, match=wanted) as caught:
        read_owners(path)
    assert str(path) in str(caught.value)


@needs_root
def test_root_goes_on_with_what_another_user_has_begun(root: Path) -> None:
    recorded(root, archive(file("a", owner=(5, 6))))
    unpack(root, archive(file("b", owner=(7, 8)), file("a")), policy=Ownership.REAL)
    owners = read_owners(root.parent / OWNERS_FILE_NAME)
    assert (owners[b"a"], owners[b"b"]) == (ROOT_OWNED, Recorded(7, 8))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"version": 1, "owners": "real"}\n', "only root can unpack more layers"),
        ("damaged", "does not begin as a record of owners of version 1"),
    ],
)
def test_what_cannot_go_on_is_refused(root: Path, text: str, wanted: str) -> None:
    root.mkdir(parents=True)
    (root.parent / OWNERS_FILE_NAME).write_text(text)
    with pytest.raises(streams.StreamError, match=wanted):
        unpack(root, archive(file("a")), policy=Ownership.RECORDED)
    assert list(root.iterdir()) == []


class TestExtendedAttributes:
    @pytest.fixture(params=["refused", "unknown to Python"])
    def refused(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        if request.param == "refused":

            def refuse(*_: Any, **__: Any) -> None:
                raise OSError(errno.ENOTSUP, "as file systems say that keep none")

            monkeypatch.setattr(os, "setxattr", refuse, raising=False)
        else:
            for name in ("setxattr", "listxattr", "getxattr", "removexattr"):
                monkeypatch.delattr(os, name, raising=False)

    @pytest.mark.usefixtures("refused")
    @pytest.mark.parametrize("policy", [Ownership.RECORDED, Ownership.of_this_process()])
    def test_are_recorded_where_they_cannot_be_set(self, root: Path, policy: Ownership) -> None:
        me = (os.geteuid(), os.getegid())
        [report] = unpack(
            root,
            archive(
                file("ping", owner=me, pax=CAPABLE),
                file("b", owner=me, pax={"SCHILY.xattr.user.b": "\udcff\0"}),
                file("c", owner=me, pax={"SCHILY.xattr.trusted.overlay.opaque": "y"}),
                directory("d", owner=me),
            ),
            policy=policy,
        )
        owners = read_owners(root.parent / OWNERS_FILE_NAME)
        assert owners[b"ping"].xattrs == {b"security.capability": CAPABILITY}
        assert owners[b"b"].xattrs == {b"user.b": b"\xff\0"}
        assert owners[b"c"].xattrs == {}
        assert report.notes == [
            "recorded 2 extended attributes that cannot be set here, "
            "the first is security.capability of ping"
        ]

    @needs_root
    def test_what_roots_disk_has_is_not_recorded(self, root: Path) -> None:
        unpack(root, archive(file("ping", owner=(5, 5), pax=CAPABLE)), policy=Ownership.REAL)
        assert not (root.parent / OWNERS_FILE_NAME).exists()


UNPACK = """
import sys
from pathlib import Path
from imgadm import streams
from imgadm.layers import unpack_layer

for layer in sys.argv[2:]:
    streams.run(streams.read_file(layer), streams.decompress(), unpack_layer(sys.argv[1]))
"""


@needs_root
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="there is no setpriv here")
class TestAsAnOrdinaryUser:
    """The real thing: a process that has no rights over others' files."""

    @pytest.fixture
    def work(self) -> Iterator[Path]:
        # Somewhere that another user may enter, which the directories of tests are not.
        work = Path(f"/var/tmp/imgadm-layers-{os.getpid()}")
        work.mkdir()
        (work / "root").mkdir()
        for path in (work, work / "root"):
            os.chown(path, 65534, 65534)
        yield work
        shutil.rmtree(work)

    def unpack(self, work: Path, *layers: bytes) -> None:
        paths = []
        for index, layer in enumerate(layers):
            paths.append(work / f"{index}.tar")
            paths[-1].write_bytes(layer)
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable]
            + ["-c", UNPACK, work / "root", *paths],
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")
        for path in paths:
            path.unlink()

    def test_every_kind_of_entry_and_the_layer_above(self, work: Path) -> None:
        self.unpack(
            work,
            archive(
                directory("./", mode=0o555),
                directory("closed", mode=0o000, owner=(9, 9)),
                file("closed/file", "1", mode=0o000, owner=(9, 9)),
                directory("closed/empty", mode=0o111),
                file("sudo", "x", mode=0o4755),
                entry("null", "character", device=(1, 3), mode=0o666),
                entry("pipe", "fifo"),
                symlink("link", "/etc", owner=(1, 1)),
                file("ping", pax=CAPABLE),
            ),
            archive(
                file("closed/more", "2", mode=0o400),
                entry("closed/.wh.file"),
                file("closed/empty/in", "3"),
                file("sudo", "y", owner=(5, 5)),
            ),
        )
        assert contents(work / "root" / "closed") == {"more": "2", "empty": "/", "empty/in": "3"}
        assert (work / "root" / "sudo").read_text() == "y"
        assert (work / "root" / "pipe").is_fifo()
        assert {path.decode(): what for path, what in read_owners(work / OWNERS_FILE_NAME)} == {
            "": Recorded(0, 0, mode=0o555),
            "closed": Recorded(9, 9, mode=0),
            "closed/empty": Recorded(0, 0, mode=0o111),
            "sudo": Recorded(5, 5),
            "null": Recorded(0, 0, type="character device", device=(1, 3)),
            "link": Recorded(1, 1),
            "ping": Recorded(0, 0, xattrs={b"security.capability": CAPABILITY}),
        }
        assert {path.lstat().st_uid for path in (work / "root").rglob("*")} == {65534}
        # Whoever unpacked it can delete it.
        subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            + ["rm", "-r", work / "root" / "closed"],
            check=True,
        )
