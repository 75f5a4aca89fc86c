"""The download of a layer from the servers that have its repository."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from imgadm import streams
from imgadm.base.errors import ImgadmError
from imgadm.base.redaction import redact_url
from imgadm.client.options import ClientOptions, Retry
from imgadm.client.session import make_session
from imgadm.registry.documents.images import NO_FILES, NO_FILES_LAYER, RemoteLayer
from imgadm.registry.servers import RepositoryServers
from imgadm.streams.http.retries import retry_after

if TYPE_CHECKING:
    from requests import Session

    from imgadm.streams.http.answers.body import Body

_Answer = TypeVar("_Answer")


def fetch_blob(
    servers: RepositoryServers, layer: RemoteLayer, options: ClientOptions, *, stall_timeout: float
) -> streams.Stage:
    """Return the stage that downloads the blob of ``layer``.

    It tries ``servers`` first. Then it tries the addresses of the layer that the manifest names,
    over https only and without credentials. ``stall_timeout`` is the longest time, in seconds, for
    which a connection may bring nothing. NO_FILES_LAYER needs no download.
    """
    if layer.digest == NO_FILES_LAYER.digest:
        return _NoFiles()
    patience = (
        options.within_patience(options.connect_timeout),
        options.within_patience(stall_timeout),
    )

    def file(url: str, session: Session) -> streams.HttpFile:
        headers = {"accept": "*/*"}
        return streams.HttpFile(url, session, headers, patience, immutable=True, size=layer.size)

    files = [file(at.blob_url(layer.digest), at.session) for at in servers.repositories]
    foreign = [url for url in layer.urls if url.startswith("https://")]
    stranger = make_session(options) if foreign else None
    if stranger is not None:
        files += [file(url, stranger) for url in foreign]
    return streams.http_get_file(BlobFile(files, options, stranger), size=layer.size)


class _NoFiles(streams.Stage):
    """The stage that brings the bytes of NO_FILES_LAYER."""

    name = "fetch"
    role = "source"
    total = len(NO_FILES)

    def run(self, context: streams.Context, inlet: streams.Inlet, outlet: streams.Outlet) -> None:
        buffer = outlet.buffer().keep(len(NO_FILES))
        buffer.view[:] = NO_FILES
        context.meter.add_in(len(NO_FILES))
        outlet.put(buffer)


class BlobFile:
    """The same blob at several addresses, in the order in which they are tried.

    An address that fails is not tried again. The last one gets more attempts, after the wait that
    an overloaded server asks for, as far as the options allow. ``stranger`` is the session for
    addresses outside of the registry, None if there are none.
    """

    immutable = True
    patient = True

    def __init__(
        self, files: Sequence[streams.HttpFile], options: ClientOptions, stranger: Session | None
    ) -> None:
        self._files = list(files)
        self._options = options
        self._stranger = stranger

    @property
    def url(self) -> str:
        """The address that is tried now."""
        return self._files[0].url

    def open(self) -> tuple[Body, Mapping[str, str]]:
        return self._first(lambda file: file.open(), lambda error: error.transient)

    def open_at(self, position: int) -> tuple[Body, int]:
        # If no server has answered, the stage that resumes the download tries again by itself.
        return self._first(lambda file: file.open_at(position), lambda error: error.busy)

    def changed(self, position: int) -> streams.FetchError:
        return self._files[0].changed(position)

    def close(self) -> None:
        for file in self._files:
            file.close()
        if self._stranger is not None:
            self._stranger.close()

    def _first(
        self,
        call: Callable[[streams.HttpFile], _Answer],
        is_worth_waiting: Callable[[streams.FetchError], bool],
    ) -> _Answer:
        while True:
            try:
                return self._patiently(call, is_worth_waiting)
            except (streams.FetchError, ImgadmError):
                if len(self._files) == 1:
                    raise
                self._files.pop(0)

    def _patiently(
        self,
        call: Callable[[streams.HttpFile], _Answer],
        is_worth_waiting: Callable[[streams.FetchError], bool],
    ) -> _Answer:
        retries = self._options.retries()
        while True:
            try:
                return call(self._files[0])
            except streams.FetchError as error:
                if len(self._files) > 1 or not is_worth_waiting(error):
                    raise
                following = retries.after_failure(asked=retry_after(error.headers))
                if following is None:
                    raise
                retries = following
                if self._options.on_retry:
                    self._options.on_retry(
                        Retry(redact_url(self.url), error.message, retries.failures, retries.pause)
                    )
            self._options.sleep(retries.pause)
