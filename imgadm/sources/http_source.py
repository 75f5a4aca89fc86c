"""The common base of sources that answer JSON over HTTP: connections and checks of answers."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from imgadm.base.json_input import json_type
from imgadm.base.patterns import is_uuid
from imgadm.base.settings import patience
from imgadm.base.text import excerpt
from imgadm.base.urls import server_address
from imgadm.client.budget import REPLY_SECONDS, Budget
from imgadm.client.errors import SourceError, UnusableReplyError
from imgadm.client.options import ClientOptions
from imgadm.manifest.parse import MAX_MANIFEST_BYTES
from imgadm.sources.errors import SourcePingError
from imgadm.sources.source import Source
from imgadm.state.source_config import SourceConfig

if TYPE_CHECKING:
    from imgadm.client.http_client import HttpClient
    from imgadm.client.reply import ServerReply


class HttpSource(Source):
    """A source whose answers are JSON. The credentials in its URL go to its own server alone."""

    _headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, config: SourceConfig, options: ClientOptions | None = None) -> None:
        super().__init__(config)
        self._options = options or ClientOptions()
        self._address = server_address(config.url.reveal())
        self._lock = threading.Lock()
        self._clients: dict[bool, HttpClient] = {}

    @property
    @abstractmethod
    def _ping_url(self) -> str:
        """The URL that answers a ping."""

    @abstractmethod
    def _is_pong(self, value: Any) -> bool:
        """Tell whether ``value``, the answer to a ping, comes from a source of this type."""

    def ping(self) -> None:
        wrong = f'unexpected ping error with "{self.config.type}" image source "{self.url}"'
        try:
            reply = self._client().get(self._ping_url, limit=MAX_MANIFEST_BYTES)
            value = reply.json()
        except SourceError as error:
            raise SourcePingError(f"{wrong}: {error.ping_cause()}", cause=error) from error
        if reply.status != 200 or not self._is_pong(value):
            raise SourcePingError(wrong)

    @property
    def _patience(self) -> float | None:
        return patience(self._options.environment)

    def close(self) -> None:
        with self._lock:
            while self._clients:
                self._clients.popitem()[1].close()

    def _client(self, *, with_credentials: bool = True) -> HttpClient:
        from imgadm.client.http_client import HttpClient

        with self._lock:
            if with_credentials not in self._clients:
                self._clients[with_credentials] = HttpClient(
                    self.config.url,
                    self._options,
                    headers=self._headers,
                    home=self._address.base,
                    insecure=self.config.insecure is True,
                    credentials=self._address.credentials if with_credentials else None,
                )
            return self._clients[with_credentials]

    def _manifest(self, url: str, uuid: str) -> dict[str, Any] | None:
        """Return the manifest of the image ``uuid`` at ``url``, None for a status of 404."""
        reply = self._client().get(url, limit=MAX_MANIFEST_BYTES)
        if reply.status == 404:
            return None
        manifest = reply.json()
        if not isinstance(manifest, dict):
            raise self._unusable(f"a manifest was expected, got {json_type(manifest)}")
        if manifest.get("uuid") != uuid:
            got = excerpt(manifest.get("uuid"))
            reason = f"the manifest of image {uuid} was expected, got that of {got}"
            raise self._unusable(reason, image=uuid)
        return manifest

    def _list_budget(self) -> Budget:
        """Return the limits for all answers that make up one list."""
        return Budget.of_list(self._options.clock, self._options.within_patience(REPLY_SECONDS))

    def _manifests(self, url: str, budget: Budget) -> list[dict[str, Any]]:
        """Return the list of manifests at ``url``; each of them has a UUID.

        Its size is subtracted from the ``budget``. If the options have a cache, a list that is
        still current comes from it.
        """
        cache = self._options.cache
        if cache is None or self._address.credentials:
            return self._read(self._client().get(url, limit=budget), budget)
        from imgadm.base.files.cache import CacheEntry

        request = self._identity_of(url)
        known = cache.find(request)
        tag = known.tag if known else None
        reply = self._client().get(url, limit=budget, known=tag)
        if known and reply.status == 304:
            return self._read(replace(reply, status=200, body=known.body), budget)
        images = self._read(reply, budget)
        if reply.status == 200:
            cache.keep(request, CacheEntry(reply.etag, reply.body))
        return images

    def _read(self, reply: ServerReply, budget: Budget) -> list[dict[str, Any]]:
        images = self._checked(reply.json(max_values=budget.values))
        budget.spend(reply.body)
        return images

    def _identity_of(self, url: str) -> str:
        """Return the name of a request in the cache.

        Requests that may get different replies have different names. That includes the trust: a
        reply over an unchecked connection is never used for a request that checks certificates.
        """
        from imgadm.client.identity import trusted_certificates

        trust = trusted_certificates(self._options, insecure=self.config.insecure is True)
        return repr((url, self.config.type, sorted(self._headers.items()), trust))

    def _checked(self, images: Any) -> list[dict[str, Any]]:
        if not isinstance(images, list):
            raise self._unusable(f"a list of images was expected, got {json_type(images)}")
        for image in images:
            if not isinstance(image, dict):
                raise self._unusable(f"the list of images has {json_type(image)} in it")
            if not is_uuid(image.get("uuid")):
                uuid = excerpt(image.get("uuid"))
                raise self._unusable(f"the list of images has one with the UUID {uuid}")
        return images

    def _unusable(self, reason: str, *, image: str | None = None) -> UnusableReplyError:
        return UnusableReplyError(self.url, reason, image=image)
