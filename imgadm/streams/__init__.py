"""The toolkit for pipelines: stages that move bytes at the same time, in one pass.

    report = streams.run(
        streams.http_get(url),
        streams.checksum("sha1", expected=digest, size=size),
        streams.decompress("gzip"),
        streams.zfs_receive("zones/UUID-partial"),
        on_progress=lambda report: print(report.bytes_in, report.total),
    )
    print(report.bottleneck.name, report.facts["sha1"])

Each function makes a stage for one run: a source, a filter or a sink. Stages work on threads of
their own and off the GIL. Bounded channels join them, and hand over references to buffers. Where
all stages can move bytes from descriptor to descriptor, the bytes stay in the kernel. :func:`run`
returns when all stages have succeeded, or raises the first error after everything has ended.
"""

from imgadm.streams.codecs.checksum import checksum
from imgadm.streams.codecs.compress import compress
from imgadm.streams.codecs.decompress import compression_of, decompress
from imgadm.streams.disks.disk import Disk, DiskChangedError, open_disk
from imgadm.streams.disks.formats import DISK_FORMATS, DiskFormatError
from imgadm.streams.engine.pipeline import run
from imgadm.streams.engine.report import Report, StageReport
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Role, Stage
from imgadm.streams.engine.tee import tee
from imgadm.streams.errors import (
    ChecksumError,
    CompressionError,
    DecompressionError,
    FetchError,
    MisuseError,
    ProcessError,
    SendError,
    SizeError,
    StreamError,
    UploadAnswer,
    ZfsStreamError,
)
from imgadm.streams.files.discard import discard
from imgadm.streams.files.free_space import keep_room, reserve_of
from imgadm.streams.files.read_write import read_file, write_file
from imgadm.streams.files.spool import Spool, SpoolError
from imgadm.streams.http.get import http_get, http_get_file
from imgadm.streams.http.put import http_put
from imgadm.streams.http.remote_file import HttpFile, RemoteFile
from imgadm.streams.http.wanted import UseOfMd5
from imgadm.streams.processes.stages import from_process, into_process, zfs_receive, zfs_send
from imgadm.streams.zfs.receivers import plain_zfs_stream, to_raw_disk, verify_zfs_stream
from imgadm.streams.zfs.volume_sender import from_disk, to_volume_stream
from imgadm.streams.zfs.volumes import (
    BLOCK_SIZES,
    DEFAULT_BLOCK_SIZE,
    NewSnapshot,
    RawVolume,
    volume_of,
)

__all__ = [
    "BLOCK_SIZES",
    "DEFAULT_BLOCK_SIZE",
    "DISK_FORMATS",
    "ChecksumError",
    "CompressionError",
    "Context",
    "DecompressionError",
    "Disk",
    "DiskChangedError",
    "DiskFormatError",
    "FetchError",
    "HttpFile",
    "Inlet",
    "MisuseError",
    "NewSnapshot",
    "Outlet",
    "ProcessError",
    "RawVolume",
    "RemoteFile",
    "Report",
    "Role",
    "SendError",
    "SizeError",
    "Spool",
    "SpoolError",
    "Stage",
    "StageReport",
    "StreamError",
    "UploadAnswer",
    "UseOfMd5",
    "ZfsStreamError",
    "checksum",
    "compress",
    "compression_of",
    "decompress",
    "discard",
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
    "tee",
    "to_raw_disk",
    "to_volume_stream",
    "verify_zfs_stream",
    "volume_of",
    "write_file",
    "zfs_receive",
    "zfs_send",
]
