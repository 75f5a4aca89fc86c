"""Every format of tar, as GNU tar and Python write it, read as they would, in any pieces."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgadm.layers import LayerError, Limits, Ownership
from imgadm.layers.archive.entry import ArchiveEntry
from imgadm.layers.archive.reader import Archive
from imgadm.streams.codecs.byte_source import ByteSource
from tests import trees

from ..streams.stages import pieces
from .independent import needs_root, tar_unpack
from .layer_builder import archive, contents, directory, entry, file, rewritten, symlink, unpack

HOLE = 400_000


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A tree with something of everything that tar can keep, whoever runs the test."""
    top = tmp_path / "sample"
    long = top / ("long-" * 30) / ("name-" * 40)
    long.mkdir(parents=True)
    (long / "file").write_text("found")
    (top / "empty").touch()
    (top / "script").write_text("#!/bin/sh\n")
    (top / "script").chmod(0o6755)
    os.link(top / "script", top / "same")
    (top / "to").symlink_to("../" * 50 + "nowhere")
    os.mkfifo(top / "pipe")
    (top / "sticky").mkdir()
    (top / "sticky").chmod(0o1777)
    (top / "large").write_bytes(os.urandom(1_300_001))
    with open(os.fsencode(top) + b"/latin-\xe9", "wb") as odd:
        odd.write(b"not UTF-8")
    with (top / "sparse").open("wb") as sparse:
        for offset in range(0, 40 * HOLE, HOLE):
            sparse.seek(offset)
            sparse.write(b"data" * 3000)
        sparse.truncate(41 * HOLE)
    return top


def tar(sample: Path, *options: str) -> Path:
    made = sample.parent / "sample.tar"
    command = ["tar", "--create", "--file", made, "--directory", sample, "--numeric-owner"]
    subprocess.run([*command, *options, "."], check=True)
    return made


@pytest.mark.parametrize(
    "options",
    [
        ["--format=oldgnu"],
        ["--format=gnu"],
        ["--format=gnu", "--sparse"],
        ["--format=posix"],
        ["--format=posix", "--sparse", "--sparse-version=0.0"],
        ["--format=posix", "--sparse", "--sparse-version=0.1"],
        ["--format=posix", "--sparse", "--sparse-version=1.0"],
        ["--format=posix", "--pax-option=hdrcharset=BINARY"],
        ["--format=posix", "--pax-option=globexthdr.name=x,comment=of all"],
        ["--format=gnu", "--label=volume"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("piece", [1 << 19, 1000])
def test_what_gnu_tar_writes(sample: Path, options: list[str], piece: int) -> None:
    made = tar(sample, *options)
    unpack(sample.parent / "ours" / "root", made.read_bytes(), piece=piece)
    tar_unpack(sample.parent / "tar", made)
    theirs = trees.describe(sample.parent / "tar")
    if os.geteuid() == 0:
        assert trees.describe(sample.parent / "ours" / "root") == theirs
    else:
        ours = sample.parent / "ours" / "root"
        assert contents(ours) == contents(sample.parent / "tar")


@pytest.mark.parametrize("version", ["0.0", "0.1", "1.0", None])
def test_holes_stay_holes(sample: Path, version: str | None) -> None:
    how = [f"--sparse-version={version}"] if version else []
    made = tar(sample, f"--format={'posix' if version else 'gnu'}", "--sparse", *how)
    assert made.stat().st_size < 5_000_000
    unpack(sample.parent / "root", made.read_bytes())
    status = (sample.parent / "root" / "sparse").stat()
    assert status.st_size == 41 * HOLE
    assert status.st_blocks * 512 <= (sample / "sparse").stat().st_blocks * 512 + (1 << 20)
    assert (sample.parent / "root" / "sparse").read_bytes() == (sample / "sparse").read_bytes()


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_python_writes(tmp_path: Path, form: int) -> None:
    long = "a/" * 45 + "b" * 90
    made = archive(
        directory("d/", mode=0o700),
        file(long, "1" * 1000),
        symlink("s", "t" * 100),
        entry("old-directory/"),
        form=form,
    )
    unpack(tmp_path, made)
    found = contents(tmp_path)
    assert (found[long], found["s"]) == ("1" * 1000, f"-> {'t' * 100}")


def test_of_the_seventh_edition(tmp_path: Path) -> None:
    """No magic number, no type of directories: a name that ends with a slash is one."""
    made = archive(entry("dir/"), file("dir/file", "1"), form=tarfile.USTAR_FORMAT)
    for at in (0, 512):
        made = rewritten(made, at, {156: b"\0", 257: bytes(255)})
    unpack(tmp_path, made)
    assert contents(tmp_path) == {"dir": "/", "dir/file": "1"}


def entries(made: bytes, piece: int = 1 << 20) -> list[tuple[ArchiveEntry, bytes]]:
    source = ByteSource(memoryview(part) for part in pieces(made, piece))
    reader = Archive(source, Limits())
    return [(found, b"".join(map(bytes, reader.data()))) for found in reader.entries()]


ONE = archive(file("one", "12345"), form=tarfile.USTAR_FORMAT)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({100: b"\0\x00000755"}, 0o755),
        ({100: b" \x00  755\0"}, 0o755),
        ({100: b"0100755\0"}, 0o755),
        ({100: bytes(8)}, 0),
        ({124: b"\x0000000000005"}, 0o644),
        ({124: b"\0\0 \x00000005 \0"}, 0o644),
    ],
    ids=repr,
)
def test_numbers_behind_zero_bytes(fields: dict[int, bytes], wanted: int) -> None:
    """Go's reader passes over them, and a mode or a size is not what the first of them says."""
    [(found, data)] = entries(rewritten(ONE, 0, fields))
    assert (found.mode, data) == (wanted, b"12345")


@pytest.mark.parametrize(
    ("field", "pax", "wanted"),
    [
        ((-2).to_bytes(8, "big", signed=True), {}, 4294967294),
        (None, {"uid": "-2"}, 4294967294),
        (None, {"uid": "4294967294"}, 4294967294),
        (None, {"uid": "4294967295"}, 0),
        ((-1).to_bytes(8, "big", signed=True), {}, 0),
    ],
)
def test_owners_of_systems_that_count_below_zero(
    field: bytes | None, pax: dict[str, str], wanted: int
) -> None:
    made = rewritten(ONE, 0, {108: field}) if field else archive(file("one", pax=pax))
    [(found, _)] = entries(made)
    assert found.uid == wanted


def test_owners_that_no_system_has() -> None:
    for uid in ("4294967296", "-2147483649"):
        with pytest.raises(LayerError, match="no system has its owner"):
            entries(archive(file("one", pax={"uid": uid})))


def test_old_directories_have_no_data() -> None:
    made = archive(entry("dir/"), file("dir/file", "1"), form=tarfile.USTAR_FORMAT)
    found = entries(rewritten(made, 0, {156: b"\0", 124: b"%011o\0" % 512}))
    assert [(entry.name, data) for entry, data in found] == [(b"dir/", b""), (b"dir/file", b"1")]


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        (["x:path=posix", "L:gnu\0"], (b"gnu", 0)),
        (["L:gnu\0", "x:path=posix"], (b"gnu", 0)),
        (["L:first\0", "L:second\0"], (b"second", 0)),
        (["L:\0"], (b"one", 0)),
        (["x:path=first,mtime=7", "x:path=second"], (b"second", 0)),
        (["x:path=first", "x:mtime=7"], (b"one", 7)),
    ],
)
def test_several_headers_before_an_entry(headers: list[str], wanted: tuple[bytes, int]) -> None:
    """They count as for GNU tar and Go's reader."""
    made = b"".join(map(extended, headers)) + archive(
        file("one", mtime=0), form=tarfile.USTAR_FORMAT
    )
    [(found, _)] = entries(made)
    assert (found.name, found.mtime_ns // 10**9) == wanted


def extended(text: str) -> bytes:
    """A header for the entry behind it: its type, and a name or records."""
    kind, _, content = text.partition(":")
    if kind == "x":
        content = "".join(f"{len(record) + 5:03} {record}\n" for record in content.split(","))
    made = archive(file("header", content), form=tarfile.USTAR_FORMAT, end=False)
    return rewritten(made, 0, {156: kind.encode()})


def test_numbers_beyond_octal_digits() -> None:
    [(found, _)] = entries(
        archive(file("a", owner=(1 << 31, 3 << 30), mtime=-77), form=tarfile.GNU_FORMAT)
    )
    assert (found.uid, found.gid, found.mtime_ns) == (1 << 31, 3 << 30, -77_000_000_000)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1500000000.123456789", 1_500_000_000_123_456_789),
        ("1500000000.1234567899", 1_500_000_000_123_456_789),
        ("-1.5", -1_500_000_000),
        ("0.000000001", 1),
        ("17", 17_000_000_000),
    ],
)
def test_times_to_the_nanosecond(tmp_path: Path, text: str, nanoseconds: int) -> None:
    unpack(tmp_path, archive(file("a", pax={"mtime": text}), directory("d", pax={"mtime": text})))
    assert (tmp_path / "a").stat().st_mtime_ns == nanoseconds
    assert (tmp_path / "d").stat().st_mtime_ns == nanoseconds


def test_records_of_extended_headers() -> None:
    value = "\udcff\x00=\n"
    [(found, data)] = entries(
        archive(
            file(
                "short",
                b"12345",
                pax={
                    "path": "l\udce9ng/name",
                    "uid": "4294967294",
                    "gid": "0",
                    "SCHILY.xattr.user.a": value,
                    "SCHILY.xattr.user.empty": "",
                    "LIBARCHIVE.xattr.user.%C3%A9": "//8",
                    "unknown": "passed over",
                },
            )
        )
    )
    assert (found.name, found.uid, found.gid, data) == (b"l\xe9ng/name", 4294967294, 0, b"12345")
    assert found.xattrs == {
        b"user.a": b"\xff\x00=\n",
        b"user.empty": b"",
        "user.é".encode(): b"\xff\xff",
    }


def test_global_records_hold_until_an_entry_has_its_own() -> None:
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"gid": "7", "mtime": "5"}
    ) as writer:
        writer.addfile(file("a")[0])
        writer.addfile(file("b", pax={"gid": "8"})[0])
    found = [(made.name, made.gid, made.mtime_ns) for made, _ in entries(out.getvalue())]
    assert found == [(b"a", 7, 5_000_000_000), (b"b", 8, 5_000_000_000)]


@needs_root
def test_extended_attributes_that_are_too_much(tmp_path: Path) -> None:
    """For one file there is less space than on the disk; and a name may be too long."""
    large = {f"SCHILY.xattr.user.{number}": "x" * 60_000 for number in range(4)}
    unpack(tmp_path / "root", archive(file("a", "1", pax={"SCHILY.xattr.user." + "n" * 300: "x"})))
    unpack(tmp_path / "root", archive(file("b", "2", pax=large)))
    assert contents(tmp_path / "root") == {"a": "1", "b": "2"}
    assert len((tmp_path / "owners.jsonl").read_text().splitlines()) >= 2


def test_what_directories_give_away_is_not_of_the_image(tmp_path: Path) -> None:
    """A pool, and a directory of an image, may have an ACL for all that is made in them."""
    everybody, user, rights = 0xFFFFFFFF, 1234, 7
    entries = [(1, everybody), (2, user), (4, everybody), (0x10, everybody), (0x20, everybody)]
    acl = struct.pack("<I", 2)
    acl += b"".join(struct.pack("<HHI", tag, rights, of) for tag, of in entries)
    root = tmp_path / "root"
    (root / "given").mkdir(parents=True)
    try:
        for path in (root, root / "given"):
            os.setxattr(path, "system.posix_acl_default", acl)
    except (AttributeError, OSError):
        pytest.skip("there are no such ACLs here")
    of_its_own = {"SCHILY.xattr.system.posix_acl_default": acl.decode("utf-8", "surrogateescape")}
    layer = [file("f"), entry("p", "fifo"), entry("c", "character"), directory("d"), file("d/f")]
    layer += [file("implied/too/f"), file("given/f"), directory("own", pax=of_its_own)]
    layer += [file("own/f"), directory("own/d"), file("own/d/f"), file("own/implied/f")]
    unpack(root, archive(*layer))
    found = {
        str(path.relative_to(root)): os.listxattr(path)
        for path in root.rglob("*")
        if os.listxattr(path)
    }
    assert found == {name: ["system.posix_acl_default"] for name in ("given", "own")}


def test_links_have_no_data_whatever_their_size_says(tmp_path: Path) -> None:
    first, second = file("a", "1"), symlink("s", "a")
    second[0].size = 1000
    unpack(tmp_path, archive(first, second, file("b", "2")))
    assert contents(tmp_path) == {"a": "1", "b": "2", "s": "-> a"}


@needs_root
def test_extended_attributes(tmp_path: Path) -> None:
    capability = bytes.fromhex("0100000200200000" + "00" * 12).decode("latin-1")
    unpack(
        tmp_path,
        archive(
            directory("d", pax={"SCHILY.xattr.user.old": "1"}),
            file(
                "f",
                "x",
                mode=0o755,
                owner=(3, 4),
                pax={"SCHILY.xattr.security.capability": capability},
            ),
            file("g", mode=0o400, pax={"LIBARCHIVE.xattr.user.b": "eHl6"}),
            symlink("s", "f", pax={"SCHILY.xattr.trusted.c": "of the link"}),
            directory("o", pax={"SCHILY.xattr.trusted.overlay.opaque": "y"}),
        ),
        archive(directory("d", pax={"SCHILY.xattr.user.new": "2"})),
        policy=Ownership.REAL,
    )
    found = {
        name: {
            key: os.getxattr(tmp_path / name, key, follow_symlinks=False)
            for key in os.listxattr(tmp_path / name, follow_symlinks=False)
        }
        for name in "dfgso"
    }
    assert found == {
        "d": {"user.new": b"2"},
        "f": {"security.capability": capability.encode("latin-1")},
        "g": {"user.b": b"xyz"},
        "s": {"trusted.c": b"of the link"},
        "o": {},
    }


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=60)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    files=st.dictionaries(NAMES.filter(lambda name: name.strip(".")), st.binary(max_size=2000)),
    piece=st.integers(1, 3000),
    form=st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    end=st.booleans(),
)
def test_any_names_and_contents_in_any_pieces(
    files: dict[str, bytes], piece: int, form: int, end: bool
) -> None:
    made = archive(*(file(f"x/{name}", data) for name, data in files.items()), form=form, end=end)
    found = {read.name.decode(): data for read, data in entries(made, piece)}
    assert found == {f"x/{name}": data for name, data in files.items()}
