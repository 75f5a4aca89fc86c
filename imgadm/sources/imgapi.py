"""A source that speaks IMGAPI: a server, or static files in the same places.

``GET /ping``, ``/images``, ``/images/UUID`` and ``/images/UUID/file`` under a base URL.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from imgadm.errors import SourcePingError
from imgadm.manifest import check_uuid, is_uuid
from imgadm.manifest.parse import MAX_MANIFEST_BYTES, json_type
from imgadm.manifest.values import display
from imgadm.sources.base import FileRequest, Source, SourceConfig
from imgadm.sources.errors import SourceError, UnusableReplyError
from imgadm.sources.options import ClientOptions
from imgadm.sources.urls import server_address

if TYPE_CHECKING:
    from imgadm.sources.http import HttpClient

MAX_LIST_BYTES = 256 << 20
MAX_PAGES = 1000
PAGE = 1000


class ImgapiSource(Source):
    """An image server. ``config.channel``, else ``?channel=`` of the URL, is sent with requests."""

    def __init__(self, config: SourceConfig, options: ClientOptions | None = None) -> None:
        super().__init__(config)
        self._options = options or ClientOptions()
        self._address = server_address(config.url)
        self._lock = threading.Lock()
        self._connected: HttpClient | None = None

    @property
    def channel(self) -> str | None:
        return self.config.channel or self._address.channel

    def ping(self) -> None:
        wrong = f'unexpected ping error with "{self.config.type}" image source "{self.url}"'
        try:
            reply = self._client.get(self._address.url("/ping"), limit=MAX_MANIFEST_BYTES)
            value = reply.json()
        except SourceError as error:
            raise SourcePingError(f"{wrong}: {error.ping_cause()}", cause=error) from error
        if reply.status != 200 or not isinstance(value, dict) or not value.get("imgapi"):
            raise SourcePingError(wrong)

    def list_images(self) -> list[dict[str, Any]]:
        images = page = self._page(())
        known = {image.get("uuid") for image in images}
        for _ in range(MAX_PAGES):
            marker = page[-1].get("uuid") if len(page) >= PAGE else None
            if not is_uuid(marker):
                break
            page = self._page((("limit", str(PAGE)), ("marker", marker)))
            fresh = [image for image in page if image.get("uuid") not in known]
            images += fresh
            known |= {image.get("uuid") for image in fresh}
            if not fresh or page[-1].get("uuid") == marker:
                break
        return images

    def get_image(self, uuid: str) -> dict[str, Any] | None:
        if not is_uuid(uuid):
            return None
        reply = self._client.get(self._url(f"/images/{uuid}"), limit=MAX_MANIFEST_BYTES)
        if reply.status == 404:
            return None
        manifest = reply.json()
        if not isinstance(manifest, dict):
            raise self._unusable(f"a manifest was expected, got {json_type(manifest)}")
        if manifest.get("uuid") != uuid:
            got = display(manifest.get("uuid"))
            raise self._unusable(f"the manifest of image {uuid} was expected, got that of {got}")
        return manifest

    def file_request(self, uuid: str) -> FileRequest:
        url = self._url(f"/images/{check_uuid(uuid)}/file")
        return FileRequest(url, self._client.session, {"accept": "*/*"})

    def close(self) -> None:
        with self._lock:
            if self._connected is not None:
                self._connected.close()
                self._connected = None

    @property
    def _client(self) -> HttpClient:
        from imgadm.sources.http import HttpClient

        with self._lock:
            if self._connected is None:
                self._connected = HttpClient(
                    self.config.url,
                    self._options,
                    insecure=self.config.insecure is True,
                    credentials=self._address.credentials,
                )
            return self._connected

    def _url(self, path: str, query: tuple[tuple[str, str], ...] = ()) -> str:
        channel = (("channel", self.channel),) if self.channel else ()
        return self._address.url(path, channel + query)

    def _page(self, query: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
        reply = self._client.get(self._url("/images", query), limit=MAX_LIST_BYTES)
        images = reply.json()
        if not isinstance(images, list):
            raise self._unusable(f"a list of images was expected, got {json_type(images)}")
        for image in images:
            if not isinstance(image, dict):
                raise self._unusable(f"the list of images has {json_type(image)} in it")
            if not is_uuid(image.get("uuid")):
                uuid = display(image.get("uuid"))
                raise self._unusable(f"the list of images has one with the UUID {uuid}")
        return images

    def _unusable(self, reason: str) -> UnusableReplyError:
        return UnusableReplyError(self.url, reason)
