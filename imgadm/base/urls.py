"""URLs of image sources: their normal form for comparison and requests, and a form to show.

The configuration keeps URLs as they were typed. Two spellings name one source if their normal
forms are the same text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from imgadm.base.errors import ConfigError, InvalidURLError
from imgadm.base.redaction import HIDDEN, redact_url, redact_values
from imgadm.base.text import excerpt, printable

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST = re.compile(r"[\w.~!$&'()*+,;=-]+")


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """The address that requests to a source go to.

    ``base`` is a URL without credentials, query or trailing slash; its host is spelled as the
    ``requests`` library spells it, so that both can be compared. ``query`` are the parameters that
    every request repeats, and ``credentials`` a user and a password, decoded.
    """

    base: str
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    channel: str | None = None
    credentials: tuple[str, str] | None = field(default=None, repr=False)

    def url(self, path: str, query: tuple[tuple[str, str], ...] = ()) -> str:
        """Return the URL of ``path``, which starts with a slash, with ``query`` added."""
        pairs = self.query + query
        return self.base + path + ("?" + urlencode(pairs) if pairs else "")


def normalise_url(url: str, *, typed: bool = True) -> str:
    """Return the normal form of ``url``, which all equal URLs share.

    A URL without scheme gets ``http://``; scheme and host become lower case; the scheme's default
    port and one trailing slash of the path are removed; blanks are percent-encoded. Credentials,
    query and fragment stay. Raises :class:`ConfigError` for a text that is no HTTP URL. If an
    operator ``typed`` the URL, that also holds for one that may have its password in its path,
    because a request would send the password to the wrong host.
    """
    text = url if _SCHEME.match(url) else "http://" + url
    if not text.isprintable():
        raise _invalid(url, "it has control characters")
    try:
        parts = urlsplit(text.replace(" ", "%20"))
    except ValueError as error:
        words = str(error).lower()
        if "netloc" in words:  # the error quotes it, with the password
            words = 'its host has characters that can be taken for one of "/?#@:"'
        raise _invalid(url, words) from None
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:  # no program can connect to port 0, and requests ignores it
        raise _invalid(url, "its port is no number from 1 to 65535")
    if typed and _is_doubtful(redact_url(text)):
        raise _invalid(url, "")
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
    """Return the address that requests to the source ``url`` go to.

    The ``channel`` of its query becomes a field. Raises :class:`ConfigError`.
    """
    parts = urlsplit(normalise_url(url))
    query = parse_qsl(parts.query, keep_blank_values=True)
    channels = [value for name, value in query if name == "channel" and value]
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    host = _on_the_wire(url, host)
    return ServerAddress(
        base=urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", "")),
        query=tuple((name, value) for name, value in query if name != "channel"),
        channel=channels[-1] if channels else None,
        credentials=(unquote(name), unquote(password)) if at else None,
    )


def port_of(parts: SplitResult) -> int | None:
    """Return the port of a URL, by default that of its scheme; None for an unknown scheme.

    Raises ValueError for a port that is no number.
    """
    return parts.port or _DEFAULT_PORTS.get(parts.scheme)


def dsapi_root(url: str) -> str:
    """Return the URL that ``/ping`` and ``/datasets`` of a dataset server are below.

    Raises :class:`ConfigError` for a URL that does not end with ``/datasets``.
    """
    base = server_address(url).base
    if not urlsplit(base).path.endswith("/datasets"):
        raise ConfigError(f'"dsapi" source URL does not end with "/datasets": "{redact_url(url)}"')
    return base.removesuffix("/datasets")


def with_scheme(url: str) -> str:
    """Return a URL that an operator typed with a scheme; ``https`` if it has none.

    A URL of this machine stays as it is and means plain ``http``, as does a URL without a scheme in
    the configuration, where the first imgadm wrote such URLs.
    """
    if _SCHEME.match(url) or not url:
        return url
    return url if is_loopback(re.split(r"[/?#]", url)[0].rpartition("@")[2]) else f"https://{url}"


def is_loopback(address: str) -> bool:
    """Tell whether ``HOST[:PORT]`` is this machine, so that requests cross no network."""
    try:
        host = (urlsplit(f"//{address}").hostname or "").removesuffix(".")
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def goes_in_the_clear(url: str) -> bool:
    """Tell whether requests to ``url`` can be read on their way: plain http to another machine.

    Raises :class:`ConfigError` for a text that is no HTTP URL.
    """
    parts = urlsplit(normalise_url(url))
    return parts.scheme == "http" and not is_loopback(parts.netloc.rpartition("@")[2])


def shown_value(value: object) -> str:
    """Return an excerpt of ``value``, a URL or data with URLs, without secrets."""
    return excerpt(redact_values(value, redact_url))


def _host(url: str, host: str, netloc: str) -> str:
    if not host:
        raise _invalid(url, "it has no host")
    if "[" in netloc:
        try:
            return f"[{IPv6Address(host)}]"
        except ValueError:
            raise _invalid(url, f'"{host}" is no IPv6 address') from None
    labels = host.removesuffix(".").split(".")
    if not _HOST.fullmatch(host) or not all(0 < len(label) < 64 for label in labels):
        raise _invalid(url, f'"{host}" is no host name')
    return host


def _on_the_wire(url: str, host: str) -> str:
    """Return ``HOST[:PORT]`` in ASCII (RFC 5891), with an escaped address zone (RFC 6874)."""
    if host.startswith("["):
        return host if "%25" in host else host.replace("%", "%25", 1)
    if host.isascii():
        return host
    import idna

    name, colon, port = host.partition(":")
    try:
        return idna.encode(name, uts46=True).decode("ascii") + colon + port
    except idna.IDNAError:
        raise _invalid(url, f'"{name}" is no host name') from None


def _is_doubtful(shown: str) -> bool:
    """Tell whether a redacted URL is all hidden, because its password has no clear end."""
    return shown.rpartition("//")[2] == HIDDEN


def _invalid(url: str, reason: str) -> InvalidURLError:
    shown = printable(redact_url(url))
    if "@" in url and _is_doubtful(shown):
        reason = (
            'nobody can tell where its password ends: write "/", "?", "#" and "@" in a user or '
            'password as %2F, %3F, %23 and %40, and "@" in a path or query as %40'
        )
    return InvalidURLError(shown, printable(reason))
