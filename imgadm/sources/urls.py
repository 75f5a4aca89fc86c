"""URLs of image sources: one spelling for comparison and requests, and one safe to show.

The configuration keeps URLs as they were typed. Two spellings name one source when they
normalise to the same text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from imgadm.errors import ConfigError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SUCCESSORS = {
    "images.joyent.com": "https://images.smartos.org",
    "datasets.joyent.com": "https://images.smartos.org",
}
_OFFICIAL_REGISTRY = "https://registry-1.docker.io"
_OFFICIAL_HOSTS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_OFFICIAL_URLS = frozenset({"https://index.docker.io/v1/"})
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST = re.compile(r"[\w.~!$&'()*+,;=-]+")


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where requests to a source go: ``base`` has no credentials, query, or trailing slash.

    ``credentials`` are a user and a password, decoded; ``query`` what every request repeats.
    """

    base: str
    query: tuple[tuple[str, str], ...] = ()
    channel: str | None = None
    credentials: tuple[str, str] | None = None

    def url(self, path: str, query: tuple[tuple[str, str], ...] = ()) -> str:
        """Return the URL of ``path``, which starts with a slash, with ``query`` added."""
        pairs = self.query + query
        return self.base + path + ("?" + urlencode(pairs) if pairs else "")


def normalise_url(url: str) -> str:
    """Return ``url`` in the spelling that all equal URLs share.

    ``http://`` is put before a URL without scheme; scheme and host become lower case; the
    scheme's default port and one trailing slash of the path go; blanks are percent-encoded.
    Credentials, query and fragment stay. Raises :class:`ConfigError` for what is no HTTP URL.
    """
    text = url if _SCHEME.match(url) else "http://" + url
    if not text.isprintable():
        raise _invalid(url, "it has control characters")
    try:
        parts = urlsplit(text.replace(" ", "%20"))
    except ValueError as error:
        raise _invalid(url, str(error).lower()) from error
    try:
        port = parts.port
    except ValueError as error:
        raise _invalid(url, "its port is no number from 0 to 65535") from error
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise _invalid(url, f'its scheme is "{scheme}", http or https was expected')
    host = _host(url, (parts.hostname or "").lower(), parts.netloc)
    user = parts.netloc.rpartition("@")[0]
    netloc = f"{user}@{host}" if user else host
    if port is not None and port != _DEFAULT_PORTS[scheme]:
        netloc += f":{port}"
    path = parts.path.removesuffix("/")
    return urlunsplit((scheme, netloc, path, parts.query, parts.fragment))


def server_address(url: str) -> ServerAddress:
    """Return where requests to the source ``url`` go; its ``?channel=`` is taken out."""
    parts = urlsplit(normalise_url(url))
    query = parse_qsl(parts.query, keep_blank_values=True)
    channels = [value for name, value in query if name == "channel" and value]
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    return ServerAddress(
        base=urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", "")),
        query=tuple((name, value) for name, value in query if name != "channel"),
        channel=channels[-1] if channels else None,
        credentials=(unquote(name), unquote(password)) if at else None,
    )


def dsapi_root(url: str) -> str:
    """Return what ``/ping`` and ``/datasets`` of the dataset server ``url`` are under.

    Raises :class:`ConfigError` for a URL that does not end with ``/datasets``.
    """
    base = server_address(url).base
    if not urlsplit(base).path.endswith("/datasets"):
        raise ConfigError(f'"dsapi" source URL does not end with "/datasets": "{redact_url(url)}"')
    return base.removesuffix("/datasets")


def registry_root(url: str) -> str:
    """Return what ``/v2/`` of the Docker registry ``url`` is under.

    A registry is named by its host, which is asked over https unless the URL says otherwise or the
    host is this one. Raises :class:`ConfigError` for what names no registry.
    """
    scheme, separator, rest = url.lower().rpartition("://")
    if separator and scheme not in _DEFAULT_PORTS:
        raise ConfigError(f'invalid index scheme, must be "http" or "https": {redact_url(url)}')
    address, _, repository = rest.partition("/")
    host = address.rpartition("@")[2]
    name = host.rpartition(":")[0] or host
    if not host:
        raise ConfigError(f"invalid index, empty host: {redact_url(url)}")
    if repository and url not in _OFFICIAL_URLS:
        raise ConfigError(f"invalid index, trailing repo: {redact_url(url)}")
    if host != "localhost" and "." not in host and ":" not in host:
        raise ConfigError(
            f'invalid index, "{redact_url(url)}" does not look like a valid host: {host}'
        )
    if name in _OFFICIAL_HOSTS:
        if scheme == "http":
            raise ConfigError(
                f"invalid index, HTTP to official index is disallowed: {redact_url(url)}"
            )
        return _OFFICIAL_REGISTRY
    usual = "http" if name in ("localhost", "127.0.0.1") else "https"
    return server_address(f"{scheme or usual}://{host}").base


def redact_url(url: str) -> str:
    """Return ``url`` with its password, if it has one, replaced by ``***``."""
    return re.sub(r"^((?:[^/?#]*//)?[^/?#:@]*):[^/?#]*@", r"\1:***@", url)


def successor(url: str) -> str | None:
    """Return the source to use instead of ``url`` if that is on a host that is gone for good."""
    return _SUCCESSORS.get(urlsplit(normalise_url(url)).hostname or "")


def _host(url: str, host: str, netloc: str) -> str:
    if not host:
        raise _invalid(url, "it has no host")
    if "[" in netloc:
        try:
            return f"[{IPv6Address(host)}]"
        except ValueError as error:
            raise _invalid(url, f'"{host}" is no IPv6 address') from error
    if not _HOST.fullmatch(host):
        raise _invalid(url, f'"{host}" is no host name')
    return host


def _invalid(url: str, reason: str) -> ConfigError:
    shown = redact_url(url).encode("unicode_escape").decode()
    return ConfigError(f'invalid image source URL "{shown}": {reason}')
