"""The headers that identify imgadm to servers, and the certificates that imgadm trusts."""

from __future__ import annotations

import platform
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from imgadm import __version__
from imgadm.base.errors import ConfigError
from imgadm.base.settings import request_id
from imgadm.base.urls import port_of
from imgadm.client.options import ClientOptions

_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class Trust:
    """The certificates that count for a URL.

    ``insecure`` is the URL of the one server whose certificate is not checked. The operator named
    this server, but not the servers that it redirects to. Servers differ by host or port.
    """

    def __init__(self, options: ClientOptions, *, insecure: str | None) -> None:
        self._options = options
        self._insecure = None if insecure is None else _server(insecure)

    def of(self, url: str) -> bool | str:
        """Return ``verify`` for a request to ``url``. Raises :class:`ConfigError`."""
        # Over plain http the only certificate is that of a proxy, which is always checked.
        named = _server(url) == self._insecure and urlsplit(url).scheme == "https"
        return trusted_certificates(self._options, insecure=named)


def _server(url: str) -> tuple[str | None, int | None]:
    parts = urlsplit(url)
    return parts.hostname, port_of(parts)


def request_headers(options: ClientOptions) -> dict[str, str]:
    """Return the headers of every request of a run."""
    return {
        "user-agent": user_agent(options.user_agent_extra),
        "accept": "application/json",
        "accept-encoding": "identity",
        "x-request-id": options.request_id or request_id(options.environment),
    }


def user_agent(extra: str = "") -> str:
    """Return the names and versions of imgadm, Python and the TLS library, and then ``extra``.

    Servers read the version of imgadm up to the blank after it.
    """
    openssl = ssl.OPENSSL_VERSION.split()[1]
    agent = f"imgadm/{__version__} (python/{platform.python_version()}; OpenSSL/{openssl})"
    shown = "".join(c for c in extra if " " <= c <= "~").strip()
    return f"{agent} {shown}" if shown else agent


def tls_of(trust: bool | str) -> ssl.SSLContext:
    """Return the TLS context for ``trust``, a value of :func:`trusted_certificates`."""
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
    """Return a file or folder of certificates, True for the usual ones, False to check none.

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
