"""Certificates for one registry, in the directories that Docker and Podman use.

In ``certs.d/HOST[:PORT]/``, each ``*.crt`` is an authority to trust besides those of the system.
``NAME.cert`` and ``NAME.key`` are the certificate and key that a registry may ask of its clients.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from imgadm.base.errors import ConfigError

_SYSTEM = (Path("/etc/containers/certs.d"), Path("/etc/docker/certs.d"))


@dataclass(frozen=True, slots=True)
class Certificates:
    """The certificate files for one registry.

    ``authorities`` are to be trusted; ``client`` is our own certificate and its key.
    """

    authorities: tuple[Path, ...] = ()
    client: tuple[Path, Path] | None = None

    def context(self) -> ssl.SSLContext | None:
        """Return a TLS context with these certificates, ``None`` if there are none.

        Raises :class:`ConfigError` for a file that is no certificate.
        """
        if not self.authorities and self.client is None:
            return None
        context = ssl.create_default_context()
        for path in self.authorities:
            try:
                context.load_verify_locations(path)
            except (OSError, ssl.SSLError) as error:
                raise _unusable(path, error) from error
        if self.client is not None:
            try:
                context.load_cert_chain(*self.client)
            except (OSError, ssl.SSLError) as error:
                raise _unusable(self.client[0], error) from error
        return context


def tls_for(url: str, environment: Mapping[str, str]) -> ssl.SSLContext | None:
    """Return the TLS context for the server of ``url``, ``None`` if the usual one will do.

    Raises :class:`ConfigError` for certificate files that cannot be used.
    """
    return certificates_of(urlsplit(url).netloc, environment).context()


def certificates_of(host: str, environment: Mapping[str, str]) -> Certificates:
    """Return the certificates for ``host``, which is ``HOST[:PORT]``.

    They all come from the first directory that has any. Raises :class:`ConfigError` for a
    certificate without its key.
    """
    for directory in _directories(environment):
        files = _files(directory / host)
        clients = [path for path in files if path.suffix == ".cert"]
        authorities = tuple(path for path in files if path.suffix == ".crt")
        for path in clients:
            if path.with_suffix(".key") not in files:
                raise ConfigError(
                    f'the client certificate "{path}" has no key, NAME.key, beside it'
                )
        if authorities or clients:
            client = (clients[0], clients[0].with_suffix(".key")) if clients else None
            return Certificates(authorities, client)
    return Certificates()


def _directories(environment: Mapping[str, str]) -> Iterator[Path]:
    home = environment.get("HOME")
    configuration = environment.get("XDG_CONFIG_HOME") or (home and f"{home}/.config")
    if configuration:
        yield Path(configuration) / "containers" / "certs.d"
    yield from _SYSTEM


def _files(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:  # it does not exist, or this user may not read it
        return []


def _unusable(path: Path, error: Exception) -> ConfigError:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return ConfigError(f'the certificate "{path}" cannot be used: {reason}')
