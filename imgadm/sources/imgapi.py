"""Sources that speak IMGAPI: servers, or static files under the same paths.

The requests are ``GET /ping``, ``/images``, ``/images/UUID`` and ``/images/UUID/file``, under a
base URL.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from imgadm.base.patterns import check_uuid, is_uuid
from imgadm.client.budget import Budget
from imgadm.sources.http_source import HttpSource
from imgadm.sources.source import FileRequest

MAX_PAGES = 1000
"""The most pages that one list of images may have."""

PAGE = 1000
"""The number of images that a request for a page asks for."""


class ImgapiSource(HttpSource):
    """An image server. Requests name ``config.channel``, or else ``?channel=`` of its URL."""

    _headers: ClassVar[Mapping[str, str]] = {"accept-version": "~2"}

    @property
    def channel(self) -> str | None:
        return self.config.channel or self._address.channel

    def list_images(self) -> list[dict[str, Any]]:
        """Return all images, page by page if the server divides its list into pages.

        A server that does not answers the request for the second page with the same images again,
        which ends the list, too.
        """
        budget = self._list_budget()
        images = page = self._page((), budget)
        if len(page) > PAGE:  # this is the whole list, which the server may send once more
            budget.allow_again()
        known = {image["uuid"] for image in images}
        for _ in range(MAX_PAGES):
            marker = page[-1]["uuid"] if len(page) >= PAGE else None
            if marker is None:
                return images
            page = self._page((("limit", str(PAGE)), ("marker", marker)), budget)
            fresh = [image for image in page if image["uuid"] not in known]
            if not fresh:
                return images
            images += fresh
            known |= {image["uuid"] for image in fresh}
        raise self._unusable(f"its list of images has more than {MAX_PAGES} pages")

    def get_image(self, uuid: str) -> dict[str, Any] | None:
        return self._manifest(self._url(f"/images/{uuid}"), uuid) if is_uuid(uuid) else None

    def file_request(self, uuid: str) -> FileRequest:
        url = self._url(f"/images/{check_uuid(uuid)}/file")
        return FileRequest(url, self._client().session, {"accept": "*/*"}, self._patience)

    @property
    def _ping_url(self) -> str:
        return self._address.url("/ping")

    def _is_pong(self, value: Any) -> bool:
        return isinstance(value, dict) and bool(value.get("imgapi"))

    def _url(self, path: str, query: tuple[tuple[str, str], ...] = ()) -> str:
        channel = (("channel", self.channel),) if self.channel else ()
        return self._address.url(path, channel + query)

    def _page(self, query: tuple[tuple[str, str], ...], budget: Budget) -> list[dict[str, Any]]:
        return self._manifests(self._url("/images", query), budget)
