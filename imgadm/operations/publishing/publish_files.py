"""Publication of an image from a manifest and a file on this host."""

from __future__ import annotations

from pathlib import Path

from imgadm import streams
from imgadm.base.errors import FileSystemError
from imgadm.manifest import ImageFile, Manifest
from imgadm.manifest.errors import InvalidManifestError
from imgadm.operations.errors import UploadError
from imgadm.operations.events.event import OnEvent
from imgadm.operations.failures import explain_publication, wrong_local_size
from imgadm.operations.local_files import read_local_manifest
from imgadm.operations.publishing.publish_image import Upload, publish_image
from imgadm.sources import Repository


def publish_files(
    repository: Repository,
    manifest_path: Path,
    file_path: Path,
    on_event: OnEvent,
    *,
    name: str,
) -> None:
    """Publish the image that the manifest describes with its file; neither is changed.

    ``name`` is what messages call the file. Plain faults of the two files are found before the
    server gets a request. Raises an ImgadmError.
    """
    image = Manifest.of(read_local_manifest(manifest_path, file_path))
    if image.file is None:
        raise InvalidManifestError(
            '"files" of the manifest is empty: it has to give the compression, sha1 and size of '
            "the file"
        )
    size = _check_file(image.file, file_path)
    publish_image(
        repository,
        image,
        Upload(
            stages=[streams.read_file(file_path)],
            compression=image.file.compression,
            name=name,
            explain=lambda error: explain_publication(error, file_path),
            size=size,
            sha1=image.file.sha1,
            dataset_guid=image.file.dataset_guid,
        ),
        on_event,
    )


def _check_file(file: ImageFile, path: Path) -> int | None:
    """Return the size of the file in bytes, None if it is unknown; pipes are not opened."""
    if path.is_fifo() or path.is_char_device() or path.is_block_device():
        return file.size
    try:
        size = path.stat().st_size
        found = streams.compression_of(path)
    except OSError as error:
        raise FileSystemError.from_os_error(f'cannot read "{path}"', error) from error
    if size == 0:
        raise UploadError(f"{path} is empty")
    if file.size is not None and file.size != size:
        raise wrong_local_size(UploadError, path, wanted=file.size, got=size)
    if found != file.compression:
        raise UploadError(
            f'image file compression error: manifest says "{file.compression}", {path} is "{found}"'
        )
    return size
