"""Sources that speak DSAPI, the Dataset API of SDC 6.5 and the predecessor of IMGAPI.

The requests are ``GET /ping``, ``/datasets`` and ``/datasets/UUID``, next to the source's URL. The
server's manifests have version 1, and are upgraded to the current format. The manifest of an image
says where its file is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from imgadm.base.errors import ConfigError
from imgadm.base.patterns import check_uuid, is_uuid
from imgadm.base.urls import dsapi_root, normalise_url, shown_value
from imgadm.client.options import ClientOptions
from imgadm.manifest import upgrade_manifest
from imgadm.manifest.errors import InvalidManifestError
from imgadm.sources.http_source import HttpSource
from imgadm.sources.source import FileRequest
from imgadm.state.source_config import SourceConfig


class DsapiSource(HttpSource):
    """A dataset server. Its URL ends with ``/datasets``, and it has no channels."""

    def __init__(self, config: SourceConfig, options: ClientOptions | None = None) -> None:
        super().__init__(config, options)
        self._root = replace(self._address, base=dsapi_root(config.url.reveal()))

    @property
    def channel(self) -> str | None:
        return None

    def list_images(self) -> list[dict[str, Any]]:
        images = self._manifests(self._root.url("/datasets"), self._list_budget())
        return [self._upgraded(image) for image in images]

    def get_image(self, uuid: str) -> dict[str, Any] | None:
        found = self._manifest(self._url(uuid), uuid) if is_uuid(uuid) else None
        return None if found is None else self._upgraded(found)

    def file_request(self, uuid: str) -> FileRequest:
        """Return how to download the file, after asking for the manifest with its URL again."""
        found = self._manifest(self._url(check_uuid(uuid)), uuid)
        if found is None:
            raise self._unusable(f"image {uuid} was there a moment ago, and is not any more")
        url = self._file_url(found)
        at_home = _server(url) == _server(self._root.base)
        client = self._client(with_credentials=at_home)
        return FileRequest(url, client.session, {"accept": "*/*"}, self._patience)

    @property
    def _ping_url(self) -> str:
        return self._root.url("/ping")

    def _is_pong(self, value: Any) -> bool:
        """Return True: the old servers answer with a status and little else."""
        return True

    def _url(self, uuid: str) -> str:
        return self._root.url(f"/datasets/{uuid}")

    def _upgraded(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return upgrade_manifest(manifest)
        except InvalidManifestError as error:
            uuid = manifest["uuid"]
            reason = f"the manifest of image {uuid}: {error.message}"
            raise self._unusable(reason, image=uuid) from error

    def _file_url(self, manifest: Mapping[str, Any]) -> str:
        """Return the URL of the file: an HTTP URL, and https if the source's own is."""
        files = manifest.get("files")
        file = files[0] if isinstance(files, list) and files else None
        given = file.get("url") if isinstance(file, dict) else None
        wrong = f"the URL of the file of image {manifest['uuid']} is {shown_value(given)}"
        if not isinstance(given, str) or not given:
            raise self._unusable(f"{wrong}, an HTTP URL was expected")
        try:
            url = urljoin(self._url(manifest["uuid"]), given)
            scheme, _ = _server(url)
        except (ConfigError, ValueError) as error:
            raise self._unusable(f"{wrong}, an HTTP URL was expected") from error
        if scheme != "https" and _server(self._root.base)[0] == "https":
            raise self._unusable(f"{wrong}, which is not https as the source is")
        return url


def _server(url: str) -> tuple[str, str]:
    """Return the scheme, and the host with its port. Raises ConfigError if it is no HTTP URL."""
    parts = urlsplit(normalise_url(url, typed=False))
    return parts.scheme, parts.netloc
