"""Docker registries, and others that speak the OCI distribution protocol, as image sources."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from imgadm.base.errors import NotSupportedError
from imgadm.base.text import json_excerpt
from imgadm.client.errors import SourceError, StatusError
from imgadm.client.options import ClientOptions
from imgadm.manifest.parse import MAX_MANIFEST_BYTES
from imgadm.registry.access.credential_files import CredentialFiles
from imgadm.registry.access.credentials import Credentials
from imgadm.registry.access.endpoints import Endpoint, mirror_endpoints, registry_endpoint
from imgadm.registry.documents.images import RemoteImage, RemoteLayer
from imgadm.registry.references.platforms import Platform
from imgadm.registry.references.reference import Reference
from imgadm.registry.references.registry_names import RegistryName
from imgadm.sources.errors import SourcePingError
from imgadm.sources.source import FileRequest, Source
from imgadm.state.source_config import SourceConfig

if TYPE_CHECKING:
    from imgadm import streams
    from imgadm.registry.access.tokens import Tokens
    from imgadm.registry.repository import RemoteRepository
    from imgadm.registry.servers import RepositoryServers


class DockerSource(Source):
    """A source of images by name: in the registry of the name, or else in the configured one.

    The trust and the credentials of the configuration are for the configured registry alone. This
    source has no list of images, and no images by UUID.
    """

    def __init__(self, config: SourceConfig, options: ClientOptions | None = None) -> None:
        super().__init__(config)
        self._options = options or ClientOptions()
        everywhere = self._options.environment.get("IMGADM_INSECURE") == "1"
        self._insecure_everywhere = everywhere
        self._own = registry_endpoint(
            config.url.reveal(), insecure=config.insecure is True or everywhere
        )
        self._lock = threading.Lock()
        self._tokens: dict[str, Tokens] = {}
        self._servers: dict[tuple[str, str | None, str], RepositoryServers] = {}

    @property
    def channel(self) -> str | None:
        return None

    @property
    def registry(self) -> RegistryName:
        """The configured registry. It has the images whose names say no registry."""
        return self._own.registry

    def registry_of(self, reference: Reference) -> str:
        """Return the URL, without credentials, of the registry that ``reference`` names."""
        endpoint = self._endpoint(RegistryName(reference.registry, reference.scheme))
        if endpoint is self._own and endpoint.credentials is None:
            return str(self.config.url)
        return endpoint.registry.url

    def resolve(self, reference: Reference, platform: Platform) -> RemoteImage:
        """Return the image that ``reference`` means for ``platform``.

        Raises :class:`imgadm.registry.errors.NotInRegistryError` if there is none, other
        :class:`SourceError` if the registry does not answer or the image cannot be used, and
        :class:`ConfigError` for a registry that may not be asked, or for malformed credentials.
        """
        from imgadm.registry.resolving import Resolver

        return Resolver(self._servers_of(reference), reference, platform).resolve()

    def fetch_layer(
        self, image: RemoteImage, layer: RemoteLayer, *, stall_timeout: float = 30.0
    ) -> streams.Stage:
        """Return the stage that downloads the blob of a layer, and survives lost connections.

        It checks the size, if that is known. The next stage has to check the digest. A connection
        that brings no byte for ``stall_timeout`` seconds counts as lost.
        """
        from imgadm.registry.blobs import fetch_blob

        servers = self._servers_of(image.reference)
        return fetch_blob(servers, layer, self._options, stall_timeout=stall_timeout)

    def ping(self) -> None:
        """Raise :class:`SourcePingError` unless the server is a registry.

        A server that demands credentials counts as one.
        """
        from imgadm.client.http_client import HttpClient
        from imgadm.registry.access.certificates import tls_for

        client = HttpClient(
            self.config.url,
            self._options,
            headers={},
            home=self._own.root,
            insecure=self._own.insecure,
            tls=tls_for(self._own.root, self._options.environment),
        )
        wrong = f'unexpected ping error with "{self.config.type}" image source "{self.url}"'
        try:
            reply = client.get(f"{self._own.root}/v2/", limit=MAX_MANIFEST_BYTES)
            if reply.status == 401 or (reply.status == 200 and not reply.body.strip()):
                return
            reply.json()
        except StatusError as error:
            said = f"Error: HTTP status {error.status}: {json_excerpt(error.body)}"
            raise SourcePingError(f"{wrong}: {said}", cause=error) from error
        except SourceError as error:
            raise SourcePingError(f"{wrong}: {error.ping_cause()}", cause=error) from error
        finally:
            client.close()
        if reply.status != 200:
            raise SourcePingError(f"{wrong}: Error: HTTP status {reply.status}")

    def list_images(self) -> list[dict[str, Any]]:
        return []

    def get_image(self, uuid: str) -> dict[str, Any] | None:
        return None

    def file_request(self, uuid: str) -> FileRequest:
        raise NotSupportedError(f"{self.config.display} has images by name, not {uuid}")

    def close(self) -> None:
        with self._lock:
            while self._servers:
                self._servers.popitem()[1].close()

    def _servers_of(self, reference: Reference) -> RepositoryServers:
        """Return the servers that have the repository of ``reference``."""
        from imgadm.registry.servers import RepositoryServers

        key = (reference.registry, reference.scheme, reference.remote_name)
        with self._lock:
            if key not in self._servers:
                origin = self._endpoint(RegistryName(reference.registry, reference.scheme))
                mirrors = mirror_endpoints(self._options.mirrors, origin.registry)
                self._servers[key] = RepositoryServers(
                    [self._repository(at, reference) for at in (*mirrors, origin)]
                )
            return self._servers[key]

    def _endpoint(self, registry: RegistryName) -> Endpoint:
        if registry.name == self._own.registry.name:
            return self._own
        return Endpoint(registry, registry.root, insecure=self._insecure_everywhere)

    def _repository(self, endpoint: Endpoint, reference: Reference) -> RemoteRepository:
        from imgadm.registry.access.tokens import Tokens
        from imgadm.registry.repository import RemoteRepository

        tokens = self._tokens.setdefault(
            endpoint.root, Tokens(endpoint.root, self._options, insecure=endpoint.insecure)
        )
        return RemoteRepository(
            endpoint,
            reference.remote_name,
            self._options,
            tokens=tokens,
            credentials=self._credentials_for(endpoint, reference),
        )

    def _credentials_for(
        self, endpoint: Endpoint, reference: Reference
    ) -> Callable[[], Credentials | None]:
        if endpoint.credentials is not None:
            return lambda: endpoint.credentials
        files = CredentialFiles(self._options.environment, on_shared=self._options.on_shared_secret)
        return lambda: files.find(endpoint.registry, endpoint.prefix + reference.remote_name)
