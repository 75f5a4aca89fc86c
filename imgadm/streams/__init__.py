"""Composing pipelines that move image bytes: stages that run at the same time, in one pass.

    report = streams.run(
        streams.http_get(url),
        streams.checksum("sha1", expected=digest, size=size),
        streams.decompress("gzip"),
        streams.zfs_receive("zones/UUID-partial"),
        on_progress=lambda report: print(report.bytes_in, report.total),
    )
    print(report.bottleneck.name, report.facts["sha1"])

Each function makes a stage for one run. Stages work on threads of their own and off the GIL, joined
by bounded channels that hand over references to buffers; where all of them can move bytes from
descriptor to descriptor, the bytes stay in the kernel. :func:`run` returns when all have succeeded,
or raises the first error after everything has ended.
"""

from imgadm.streams.checksum import checksum
from imgadm.streams.combined_report import CombinedReport
from imgadm.streams.compress import compress
from imgadm.streams.decompress import compression_of, decompress
from imgadm.streams.disk_formats import FORMATS, DiskFormatError
from imgadm.streams.disks import Disk, DiskChangedError, open_disk
from imgadm.streams.errors import (
    Answer,
    ChecksumError,
    CompressionError,
    DecompressionError,
    FetchError,
    ProcessError,
    SendError,
    SizeError,
    StreamError,
    ZfsStreamError,
)
from imgadm.streams.files import read_file, write_file
from imgadm.streams.http import http_get, http_get_file
from imgadm.streams.http_file import HttpFile, RemoteFile
from imgadm.streams.http_put import http_put
from imgadm.streams.http_wanted import UseOfMd5
from imgadm.streams.pipeline import run
from imgadm.streams.processes import from_process, into_process, zfs_receive, zfs_send
from imgadm.streams.report import Report, StageReport
from imgadm.streams.room import keep_room, reserve_of
from imgadm.streams.spool import Spool, SpoolError
from imgadm.streams.stage import Context, Inlet, Outlet, Stage
from imgadm.streams.volumes import (
    BLOCK_SIZES,
    DEFAULT_BLOCK_SIZE,
    Snapshot,
    from_disk,
    to_volume_stream,
)
from imgadm.streams.zvol import (
    Volume,
    plain_zfs_stream,
    to_raw_disk,
    verify_zfs_stream,
    volume_of,
)

__all__ = [
    "BLOCK_SIZES",
    "DEFAULT_BLOCK_SIZE",
    "FORMATS",
    "Answer",
    "ChecksumError",
    "CombinedReport",
    "CompressionError",
    "Context",
    "DecompressionError",
    "Disk",
    "DiskChangedError",
    "DiskFormatError",
    "FetchError",
    "HttpFile",
    "Inlet",
    "Outlet",
    "ProcessError",
    "RemoteFile",
    "Report",
    "SendError",
    "SizeError",
    "Snapshot",
    "Spool",
    "SpoolError",
    "Stage",
    "StageReport",
    "StreamError",
    "UseOfMd5",
    "Volume",
    "ZfsStreamError",
    "checksum",
    "compress",
    "compression_of",
    "decompress",
    "from_disk",
    "from_process",
    "http_get",
    "http_get_file",
    "http_put",
    "into_process",
    "keep_room",
    "open_disk",
    "plain_zfs_stream",
    "read_file",
    "reserve_of",
    "run",
    "to_raw_disk",
    "to_volume_stream",
    "verify_zfs_stream",
    "volume_of",
    "write_file",
    "zfs_receive",
    "zfs_send",
]
