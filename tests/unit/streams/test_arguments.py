"""Arguments that no run could make sense of are refused where the stage is made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from imgadm import streams
from imgadm.streams import MisuseError
from tests.unit.streams.stages import Supply

ADDRESS = "http://127.0.0.1:1/"
SECRET = "user:secret@host/"
COUNT = r"expected a whole number of at least 0"
SECONDS = r"expected seconds above 0"
DATASET = 'expected a dataset such as "zones/x"'
SNAPSHOT = 'expected a snapshot such as "zones/x@final"'
TEXTS = "expected texts only"

Make = Callable[..., object]
volume_snapshot: Make = partial(streams.NewSnapshot, guid=1)

MISTAKES: list[tuple[Make, tuple[Any, ...], dict[str, Any], str]] = [
    (streams.checksum, ("nosuch",), {}, "unknown algorithm 'nosuch', expected one of hashlib"),
    (streams.checksum, (None,), {}, "unknown algorithm None"),
    (streams.checksum, ("shake_128",), {}, 'digests of "shake_128" can have any length'),
    (streams.checksum, ("sha1",), {"expected": "ab"}, "a digest of sha1 has 40 hexadecimal digits"),
    (streams.checksum, ("sha1",), {"expected": ""}, "expected is '', but a digest"),
    (streams.checksum, ("sha1",), {"expected": "z" * 40}, "has 40 hexadecimal digits"),
    (streams.checksum, ("sha1",), {"expected": "a" * 40 + "\n"}, "has 40 hexadecimal digits"),
    (streams.checksum, ("sha1",), {"expected": b"a" * 40}, "has 40 hexadecimal digits"),
    (streams.checksum, ("sha256",), {"expected": "sha256:" + "a" * 64}, "has 64 hexadecimal"),
    (streams.checksum, ("md5",), {"expected": "a" * 40}, "a digest of md5 has 32 hexadecimal"),
    (streams.checksum, ("sha1",), {"size": -1}, f"size is -1, {COUNT}"),
    (streams.checksum, ("sha1",), {"size": 1.0}, f"size is 1.0, {COUNT}"),
    (streams.checksum, ("sha1",), {"size": "1"}, f"size is '1', {COUNT}"),
    (streams.checksum, ("sha1",), {"size": True}, f"size is True, {COUNT}"),
    (streams.compress, (".gz",), {}, 'unknown compression ".gz", must be one of: none, gzip'),
    (streams.compress, (None,), {}, 'unknown compression "None"'),
    (streams.compress, ("gzip",), {"level": "6"}, f"level is '6', {COUNT}"),
    (streams.compress, ("gzip",), {"level": 6.0}, f"level is 6.0, {COUNT}"),
    (streams.compress, ("gzip",), {"level": 10}, "invalid level 10 for gzip, must be 1 to 9"),
    (streams.compress, ("none",), {"level": 1}, "invalid level 1 for none, it has none"),
    (streams.compress, ("gzip",), {"threads": 0}, "threads is 0, expected a whole number of at"),
    (streams.compress, ("gzip",), {"threads": 1.5}, "threads is 1.5"),
    (streams.decompress, ("gz",), {}, 'unknown compression "gz"'),
    (streams.decompress, (["gzip"],), {}, "unknown compression"),
    (streams.compression_of, (None,), {}, "path is None, expected a path"),
    (streams.read_file, (None,), {}, "path is None, expected a path"),
    (streams.read_file, (3,), {}, "path is 3, expected a path"),
    (streams.read_file, ("",), {}, "path is '', expected a path"),
    (streams.read_file, ("a\0b",), {}, r"path is 'a\\x00b', expected a path"),
    (streams.write_file, (None,), {}, "path is None, expected a path"),
    (streams.write_file, ("",), {}, "path is '', expected a path"),
    (streams.keep_room, (".", -1), {}, f"reserve is -1, {COUNT}"),
    (streams.keep_room, (".", "1"), {}, f"reserve is '1', {COUNT}"),
    (streams.reserve_of, (None,), {}, "path is None, expected a path"),
    (streams.Spool, (None,), {}, "path is None, expected a path"),
    (streams.Spool, (Path("spool"), -1), {}, f"total is -1, {COUNT}"),
    (streams.http_get, (None,), {}, "url is no address such as https://host/path"),
    (streams.http_get, ("/a",), {}, "url is no address such as https://host/path"),
    (streams.http_get, (SECRET,), {}, "url is no address such as https://host/path"),
    (streams.http_get, (ADDRESS,), {"size": -1}, f"size is -1, {COUNT}"),
    (streams.http_get, (ADDRESS,), {"stall_timeout": 0}, f"stall_timeout is 0, {SECONDS}"),
    (streams.http_get, (ADDRESS,), {"connect_timeout": "5"}, f"connect_timeout is '5', {SECONDS}"),
    (streams.http_get, (ADDRESS,), {"delays": 3}, "delays is 3, expected a sequence of seconds"),
    (streams.http_get, (ADDRESS,), {"delays": (-1,)}, "one of delays is -1, expected seconds of"),
    (streams.http_get, (ADDRESS,), {"headers": ["a: b"]}, r"headers is \['a: b'\], expected a map"),
    (streams.http_get, (ADDRESS,), {"content_md5": "yes"}, 'unknown content_md5 "yes", must be'),
    (streams.http_get_file, (ADDRESS,), {}, "expected a RemoteFile such as an HttpFile"),
    (streams.http_put, (SECRET,), {}, "url is no address such as https://host/path"),
    (streams.http_put, (ADDRESS,), {"size": -1}, f"size is -1, {COUNT}"),
    (streams.http_put, (ADDRESS,), {"headers": 3}, "headers is 3, expected a mapping"),
    (streams.http_put, (ADDRESS,), {"answer_timeout": 0}, f"answer_timeout is 0, {SECONDS}"),
    (streams.http_put, (ADDRESS,), {"stall_timeout": -1}, f"stall_timeout is -1, {SECONDS}"),
    (streams.into_process, ("cat",), {}, "argv is 'cat', expected a list such as"),
    (streams.into_process, (None,), {}, "argv is None, expected a list such as"),
    (streams.into_process, ([],), {}, "argv is empty, expected a program"),
    (streams.into_process, ([""],), {}, "argv begins with an empty text, expected a program"),
    (streams.into_process, (["cat", None],), {}, f"argv has None in it, {TEXTS}"),
    (streams.into_process, (["sleep", 1],), {}, f"argv has 1 in it, {TEXTS}"),
    (streams.into_process, (["cat", "a\0"],), {}, TEXTS),
    (streams.into_process, (["cat"],), {"on_end": 3}, "on_end is 3, expected a function"),
    (streams.from_process, ("cat file",), {}, "argv is 'cat file', expected a list such as"),
    (streams.from_process, ([],), {}, "argv is empty, expected a program"),
    (streams.from_process, (["cat"],), {"on_end": 3}, "on_end is 3, expected a function"),
    (streams.zfs_receive, ("",), {}, f'dataset is "", {DATASET}'),
    (streams.zfs_receive, ("-F",), {}, f'dataset is "-F", {DATASET}'),
    (streams.zfs_receive, (None,), {}, f"dataset is None, {DATASET}"),
    (streams.zfs_receive, ("a/b",), {"options": "-u"}, "options is '-u', expected a list such as"),
    (streams.zfs_send, ("a/b",), {}, f'snapshot is "a/b", {SNAPSHOT}'),
    (streams.zfs_send, ("-R@x",), {}, f'snapshot is "-R@x", {SNAPSHOT}'),
    (streams.zfs_send, ("a@b",), {"origin": ""}, f'origin is "", {SNAPSHOT}'),
    (streams.verify_zfs_stream, (), {"kind": "volume"}, 'unknown kind "volume", must be one of'),
    (streams.verify_zfs_stream, (), {"from_guid": -1}, "from_guid is -1, expected a whole number"),
    (streams.plain_zfs_stream, (), {"kind": "x"}, 'unknown kind "x", must be one of'),
    (streams.plain_zfs_stream, (), {"from_guid": 1 << 64}, "expected a whole number from 0 to"),
    (streams.plain_zfs_stream, (), {"size_in_mib": 1.5}, f"size_in_mib is 1.5, {COUNT}"),
    (streams.to_raw_disk, (None,), {}, "path is None, expected a path"),
    (streams.to_raw_disk, ("disk",), {"origin": "base"}, "origin is 'base', expected a RawVolume"),
    (streams.to_raw_disk, ("disk",), {"size_in_mib": -1}, f"size_in_mib is -1, {COUNT}"),
    (streams.to_raw_disk, ("disk",), {"reserve": -1}, f"reserve is -1, {COUNT}"),
    (streams.NewSnapshot, (0,), {}, "guid is 0, expected a whole number from 1 to"),
    (streams.NewSnapshot, (1 << 64,), {}, "expected a whole number from 1 to"),
    (streams.NewSnapshot, (None,), {}, "guid is None, expected a random number of 64 bits"),
    (volume_snapshot, (), {"block_size": 1000}, 'unknown block_size "1000", must be one of: 512'),
    (volume_snapshot, (), {"name": "noat"}, f'name is "noat", {SNAPSHOT}'),
    (volume_snapshot, (), {"creation_time": -1}, "creation_time is -1, expected a whole number"),
    (streams.from_disk, ("disk", streams.NewSnapshot(1)), {}, "disk is 'disk', expected a Disk"),
    (streams.to_volume_stream, (None,), {}, "snapshot is None, expected a NewSnapshot"),
    (streams.open_disk, (None,), {}, "path is None, expected a path"),
    (streams.open_disk, ("disk",), {"as_format": "iso"}, 'unknown format "iso", must be one of'),
]


@pytest.mark.parametrize(("make", "given", "named", "message"), MISTAKES)
def test_mistakes(make: Make, given: tuple[Any, ...], named: dict[str, Any], message: str) -> None:
    with pytest.raises(MisuseError, match=message) as caught:
        make(*given, **named)
    assert "secret" not in str(caught.value)


def test_digits_of_a_digest_may_be_in_upper_case(way: str) -> None:
    digest = hashlib.sha1(b"some").hexdigest().upper()
    stages = Supply([b"some"]), streams.checksum("sha1", expected=digest), streams.discard()
    assert streams.run(*stages).facts["sha1"] == digest.lower()


def test_paths_may_be_bytes(tmp_path: Path, way: str) -> None:
    path = bytes(tmp_path / "file")
    streams.run(Supply([b"some"]), streams.write_file(path))
    assert streams.compression_of(path) == "none"
    assert streams.run(streams.read_file(path), streams.discard()).bytes_out == 4
