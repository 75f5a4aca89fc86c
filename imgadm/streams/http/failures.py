"""The one translation of failed HTTP requests into code, words and permanence."""

from __future__ import annotations

import errno
import http.client
import os
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from imgadm.base.redaction import redact_text, redact_url
from imgadm.base.text import excerpt

_SHOWN = 1024
"""The most characters of a server's text that a message quotes."""

_REFUSED_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]+)(.*)")
_LASTING_REFUSALS = frozenset({"401", "403", "405", "407"})
_CERTIFICATE_CODES = {
    10: "CERT_HAS_EXPIRED",
    18: "DEPTH_ZERO_SELF_SIGNED_CERT",
    19: "SELF_SIGNED_CERT_IN_CHAIN",
    20: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    21: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    62: "ERR_TLS_CERT_ALTNAME_INVALID",
    64: "ERR_TLS_CERT_ALTNAME_INVALID",
}
"""Codes of the original imgadm, by the verify codes of OpenSSL's x509_vfy.h."""


class BadAnswerError(http.client.HTTPException):
    """An answer that is refused because its bytes are ambiguous, damaged or too many."""


def request_errors() -> tuple[type[Exception], ...]:
    """Return the types of all exceptions that a failed request raises.

    They are those of requests and of the libraries below it.
    """
    import requests
    import urllib3

    return (
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        http.client.HTTPException,
        OSError,
        ValueError,
    )


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """The reason why a request brought no usable answer.

    ``code`` is the name of the system's error, or the code that the original imgadm has for it;
    None for an answer that makes no sense. ``words`` is one printable line, and ``spelled`` the
    same line as the original imgadm words it. ``address`` is the URL that failed, without its
    secrets; if the request was ``redirected``, it is the URL that the redirects led to.
    ``permanent``: another attempt would fail in the same way. ``unsent``: the server knows nothing
    of the request. ``proxied``: the proxy failed.
    """

    code: str | None
    words: str
    spelled: str
    address: str
    redirected: bool
    permanent: bool = False
    unsent: bool = False
    proxied: bool = False

    @property
    def message(self) -> str:
        """The words, behind the URL that failed."""
        return f"{self.address}: {self.words}"


def failure_of(error: BaseException, asked: str, *, at: str | None = None) -> HttpFailure:
    """Return what ``error`` means for a request to the URL ``asked``.

    ``error`` was raised by requests, urllib3, http.client, ssl or a socket. ``at`` is the URL of
    the answer whose body was being read, if there was one. It matters after a redirect, where an
    ``error`` that names no request of its own came from that URL.
    """
    import requests
    import urllib3

    address, redirected = _where(error, asked, at)
    chain = list(_causes(error))
    unusable = _unusable(error, chain)
    if unusable is not None:
        return HttpFailure(None, unusable, unusable, address, redirected, permanent=True)
    code, detail, permanent = _system_error(chain)
    kinds = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        urllib3.exceptions.ProxyError,
        requests.exceptions.ConnectTimeout,
    )
    connecting = any(isinstance(link, kinds) for link in chain)
    step = "getaddrinfo" if code == "ENOTFOUND" else "connect" if connecting else "read"
    return HttpFailure(
        code,
        detail or _words(code),
        detail or f"{step} {code}",
        address,
        redirected,
        permanent=permanent,
        unsent=connecting or step == "getaddrinfo" or permanent,
        proxied=any(isinstance(link, urllib3.exceptions.ProxyError) for link in chain),
    )


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's text, without the secrets of the URLs in it."""
    return excerpt(
        redact_text(str(error).partition("\n")[0].rstrip() or type(error).__name__), limit=_SHOWN
    )


def address_of(url: str) -> str:
    """Return ``url`` without credentials, query and fragment, as one printable line."""
    bare = url.partition("#")[0].partition("?")[0]
    try:
        netloc = urlsplit(bare).netloc
    except ValueError:
        netloc = ""
    host = netloc.rpartition("@")[2]
    return excerpt(bare.replace(netloc, host, 1) if host != netloc else bare, limit=_SHOWN)


def _where(error: BaseException, asked: str, at: str | None) -> tuple[str, bool]:
    """Return the URL that failed, without its secrets, and whether a redirect led there."""
    url = getattr(getattr(error, "request", None), "url", None)
    failed = address_of(url if isinstance(url, str) else at or asked)
    redirected = failed != address_of(asked)
    return (failed if redirected else redact_url(asked)), redirected


def _unusable(error: BaseException, chain: list[BaseException]) -> str | None:
    """Return the words for an answer that makes no sense, None for every other failure."""
    import requests
    import urllib3

    for link in chain:
        if isinstance(link, BadAnswerError):
            return first_line(link)
    if isinstance(error, requests.TooManyRedirects):
        history = error.response.history if error.response is not None else []
        return f"more than {len(history)} redirects"
    if isinstance(error, requests.exceptions.InvalidSchema):
        return first_line(error)
    if isinstance(error, (requests.exceptions.InvalidURL, urllib3.exceptions.LocationValueError)):
        return f"not an address: {first_line(error)}"
    if isinstance(error, ValueError) and not isinstance(error, ssl.SSLError):
        return f"the reply makes no sense: {first_line(error)}"
    return None


def _system_error(chain: list[BaseException]) -> tuple[str, str | None, bool]:
    """Return the code, words if the code says too little, and whether the failure is permanent."""
    import requests
    import urllib3

    for link in chain:
        if isinstance(link, ssl.SSLCertVerificationError):
            code = _CERTIFICATE_CODES.get(link.verify_code, "CERT_UNTRUSTED")
            return code, f"certificate not trusted: {link.verify_message} ({code})", True
        if isinstance(link, ssl.SSLError) and _is_cut(link):
            return "ECONNRESET", "the connection was cut", False
        if isinstance(link, socket.gaierror):
            return "ENOTFOUND", None, False
    timeouts = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
    for link in chain:
        if isinstance(link, timeouts) and not isinstance(
            link, urllib3.exceptions.NewConnectionError
        ):
            return "ETIMEDOUT", None, False
        if isinstance(link, ssl.SSLError):
            return "EPROTO", f"TLS failed: {_tls_reason(link)}", True
        if isinstance(link, OSError) and link.errno is not None and link.errno in errno.errorcode:
            return errno.errorcode[link.errno], None, False
        if isinstance(link, (urllib3.exceptions.IncompleteRead, http.client.IncompleteRead)):
            return "ECONNRESET", "the connection was cut in the middle of a reply", False
    for link in chain:
        # http.client has only a text, and no field, for a proxy that does not lead to the server.
        if type(link) is OSError and (refusal := _REFUSED_TUNNEL.match(str(link))):
            said = excerpt(redact_text(refusal[1] + refusal[2].rstrip()), limit=_SHOWN)
            words = f"the proxy refuses to connect: {said}"
            return "ECONNRESET", words, refusal[1] in _LASTING_REFUSALS
    return "ECONNRESET", f"no valid HTTP reply: {first_line(chain[-1])}", False


def _words(code: str) -> str:
    if code == "ENOTFOUND":
        return "host name not found"
    if code == "ETIMEDOUT":
        return "timed out"
    number = getattr(errno, code, None)
    return code if number is None else os.strerror(number)


def _is_cut(error: ssl.SSLError) -> bool:
    """Tell whether the connection below TLS ended; in some Pythons only the reason says so."""
    kinds = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
    return isinstance(error, kinds) or error.reason == "UNEXPECTED_EOF_WHILE_READING"


def _tls_reason(error: ssl.SSLError) -> str:
    if error.reason == "WRONG_VERSION_NUMBER":
        return f"{error.reason}; the server may speak plain http only"
    return error.reason or first_line(error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield ``error`` and all exceptions that it wraps or that led to it, each once."""
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        link = queue.pop(0)
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            queue += [getattr(link, "reason", None), *link.args, link.__cause__]
            queue.append(link.__context__)
