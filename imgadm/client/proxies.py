"""The proxy for a request, as the environment says.

The first of ``https_proxy``, ``http_proxy``, ``HTTPS_PROXY``, ``HTTP_PROXY``, ``all_proxy`` and
``ALL_PROXY`` that is set serves every URL, whatever its scheme: operators of this tool rely on
setting only one. ``no_proxy`` or ``NO_PROXY`` names hosts that are reached directly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import quote, unquote, urlsplit

from imgadm.base.errors import ConfigError, InvalidURLError
from imgadm.base.redaction import SecretUrl, redact_url
from imgadm.base.text import printable
from imgadm.base.urls import normalise_url, port_of

_VARIABLES = (
    "https_proxy",
    "http_proxy",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "all_proxy",
    "ALL_PROXY",
)


@dataclass(frozen=True, slots=True)
class Proxies:
    """The settings of the environment.

    ``proxy`` is a URL, or None. ``direct`` has the hosts, suffixes of hosts, and networks that are
    reached without it; ``*`` is every host.
    """

    proxy: SecretUrl | None = None
    direct: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Proxies:
        """Return the settings in ``environment``; :class:`ConfigError` if the proxy is not HTTP."""
        name = next((name for name in _VARIABLES if environment.get(name)), None)
        proxy = _checked(name, environment[name]) if name else None
        exceptions = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
        entries = (entry.strip().lower() for entry in exceptions.replace(",", " ").split())
        return cls(proxy, tuple(entry for entry in entries if entry))

    def of(self, url: str) -> SecretUrl | None:
        """Return the proxy for ``url``, None if requests go directly to the server.

        A user and a password in the proxy's URL are percent-encoded.
        """
        if self.proxy is None:
            return None
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        port = port_of(parts)
        return None if any(_covers(entry, host, port) for entry in self.direct) else self.proxy


def _checked(variable: str, proxy: str) -> SecretUrl:
    url = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(normalise_url(url))
    except InvalidURLError as error:
        shown = printable(redact_url(proxy))
        raise ConfigError(f'{variable} is "{shown}": {error.reason}') from None
    user, at, host = parts.netloc.rpartition("@")
    encoded = ":".join(quote(unquote(part), safe="") for part in user.split(":", 1))
    return SecretUrl(parts._replace(netloc=f"{encoded}{at}{host}").geturl())


def _covers(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdigit() and ":" not in name.strip("[]"):
        if int(wanted) != port:
            return False
        entry = name
    entry = entry.strip("[]")
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        suffix = entry.removeprefix("*").removeprefix(".")
        return bool(suffix) and (host == suffix or host.endswith("." + suffix))
