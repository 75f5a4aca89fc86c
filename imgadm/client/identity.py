"""Who we say we are to servers, and which servers we trust."""

from __future__ import annotations

import platform
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from imgadm import __version__
from imgadm.base.errors import ConfigError
from imgadm.base.settings import request_id
from imgadm.client.options import ClientOptions

_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class Trust:
    """Which certificates count for an address.

    ``insecure`` is the address of the one server that is believed whatever its certificate is: it
    was named by the operator, and where it sends us to was not. Servers differ by host or port.
    """

    def __init__(self, options: ClientOptions, *, insecure: str | None) -> None:
        self._options = options
        self._insecure = None if insecure is None else _server(insecure)

    def of(self, url: str) -> bool | str:
        """Return what ``verify`` of a request to ``url`` is to be; raises :class:`ConfigError`."""
        # Over plain http the certificate is that of a proxy, which nobody excepted.
        named = _server(url) == self._insecure and urlsplit(url).scheme == "https"
        return trusted_certificates(self._options, insecure=named)


def _server(url: str) -> tuple[str | None, int | None]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def request_headers(options: ClientOptions) -> dict[str, str]:
    """Return the headers of every request of a run."""
    return {
        "user-agent": user_agent(options.user_agent_extra),
        "accept": "application/json",
        "accept-encoding": "identity",
        "x-request-id": options.request_id or request_id(options.environment),
    }


def user_agent(extra: str = "") -> str:
    """Return name and version of the tool, its runtime and its TLS library, and ``extra``.

    Servers read the tool's version up to the blank after it.
    """
    openssl = ssl.OPENSSL_VERSION.split()[1]
    agent = f"imgadm/{__version__} (python/{platform.python_version()}; OpenSSL/{openssl})"
    shown = "".join(c for c in extra if " " <= c <= "~").strip()
    return f"{agent} {shown}" if shown else agent


def tls_of(trust: bool | str) -> ssl.SSLContext:
    """Return how to speak TLS with who is trusted as :func:`trusted_certificates` says."""
    import certifi

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trust is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    path = Path(certifi.where() if trust is True else trust)
    if path.is_dir():
        context.load_verify_locations(capath=path)
    else:
        context.load_verify_locations(cafile=path)
    return context


def trusted_certificates(options: ClientOptions, *, insecure: bool = False) -> bool | str:
    """Return a file of certificates, ``True`` for the usual ones, ``False`` to trust anyone.

    Raises :class:`ConfigError` if the file that the settings or the environment name is missing.
    """
    if insecure or options.environment.get("IMGADM_INSECURE") == "1":
        return False
    named = [("the CA bundle of the configuration", options.ca_bundle)]
    named += [(name, options.environment.get(name)) for name in _CA_VARIABLES]
    for name, path in named:
        if path:
            if not Path(path).exists():
                raise ConfigError(f'{name} is "{path}", which does not exist')
            return path
    return True
