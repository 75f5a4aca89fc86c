"""Docker registries, as far as it takes to tell whether something is one."""

from __future__ import annotations

from contextlib import closing

from imgadm.errors import SourcePingError
from imgadm.manifest.parse import MAX_MANIFEST_BYTES
from imgadm.manifest.values import shown_json
from imgadm.sources.base import SourceConfig
from imgadm.sources.errors import SourceError, StatusError
from imgadm.sources.options import ClientOptions
from imgadm.sources.urls import redact_url, registry_root, server_address


def ping_registry(config: SourceConfig, options: ClientOptions) -> None:
    """Raise SourcePingError unless there is a registry at ``config.url``.

    One that wants to know who asks is a registry all the same.
    """
    from imgadm.sources.http import HttpClient

    client = HttpClient(
        config.url,
        options,
        headers={},
        insecure=config.insecure is True,
        credentials=server_address(config.url).credentials,
    )
    wrong = f'unexpected ping error with "{config.type}" image source "{redact_url(config.url)}"'
    with closing(client):
        try:
            reply = client.get(f"{registry_root(config.url)}/v2/", limit=MAX_MANIFEST_BYTES)
            if reply.status == 401 or (reply.status == 200 and not reply.body.strip()):
                return
            reply.json()
        except StatusError as error:
            said = f"Error: HTTP status {error.status}: {shown_json(error.body)}"
            raise SourcePingError(f"{wrong}: {said}", cause=error) from error
        except SourceError as error:
            raise SourcePingError(f"{wrong}: {error.ping_cause()}", cause=error) from error
    if reply.status != 200:
        raise SourcePingError(f"{wrong}: Error: HTTP status {reply.status}")
