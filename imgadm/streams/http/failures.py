"""What it means that a request failed: the one translation of what HTTP libraries raise."""

from __future__ import annotations

import errno
import http.client
import os
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from imgadm.base.redaction import redact_text
from imgadm.base.text import printable

Step = Literal["getaddrinfo", "connect", "read"]

_SHOWN = 1024

_REFUSED_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]+)")
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
"""By verify codes of OpenSSL's x509_vfy.h; the names are those that the first imgadm shows."""


class BadAnswerError(http.client.HTTPException):
    """An answer that we do not take: nobody could say what its bytes are."""


def request_errors() -> tuple[type[Exception], ...]:
    """Return all that requests, and the libraries below it, raise for a request that fails."""
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
    """Why a request brought no answer, or none that can be used.

    ``code`` is the name of the system's error, or what the first imgadm calls it; ``words`` is one
    printable line. ``spelled`` is that line as the first imgadm has it. ``step`` is what was being
    done. A failure that is ``permanent`` would come again; after one that is ``unsent`` the server
    knows nothing of the request. ``answered`` says that something came, which makes no sense.
    ``address`` is the URL of the request that failed, which after a redirect is another one than
    was asked for; it has neither credentials nor a query.
    """

    code: str | None
    words: str
    spelled: str
    step: Step
    permanent: bool = False
    unsent: bool = False
    answered: bool = False
    proxied: bool = False
    address: str | None = None


def failure_of(error: BaseException) -> HttpFailure:
    """Return what ``error``, raised by requests, urllib3, http.client, ssl or a socket, means."""
    import requests
    import urllib3

    chain = list(_causes(error))
    address = _address(error)
    unusable = _unusable(error, chain)
    if unusable is not None:
        return HttpFailure(
            None, unusable, unusable, "read", permanent=True, answered=True, address=address
        )
    code, detail, permanent = _system_error(chain)
    kinds = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        urllib3.exceptions.ProxyError,
        requests.exceptions.ConnectTimeout,
    )
    connecting = any(isinstance(link, kinds) for link in chain)
    step: Step = "getaddrinfo" if code == "ENOTFOUND" else "connect" if connecting else "read"
    return HttpFailure(
        code,
        detail or _words(code),
        detail or f"{step} {code}",
        step,
        permanent=permanent,
        unsent=connecting or step == "getaddrinfo" or permanent,
        proxied=any(isinstance(link, urllib3.exceptions.ProxyError) for link in chain),
        address=address,
    )


def first_line(error: BaseException) -> str:
    """Return what an exception says, without what in its URLs may let somebody in."""
    return one_line(redact_text(str(error).partition("\n")[0].rstrip() or type(error).__name__))


def one_line(text: str) -> str:
    """Return the beginning of what a stranger wrote, without what a terminal would obey."""
    return printable(text[:_SHOWN])


def address_of(url: str) -> str:
    """Return ``url`` without credentials, query and fragment, fit to be shown."""
    bare = url.partition("#")[0].partition("?")[0]
    try:
        netloc = urlsplit(bare).netloc
    except ValueError:
        netloc = ""
    host = netloc.rpartition("@")[2]
    return one_line(bare.replace(netloc, host, 1) if host != netloc else bare)


def _unusable(error: BaseException, chain: list[BaseException]) -> str | None:
    """Return the words for an answer that makes no sense, None if that is not what happened."""
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
    """Return the code, a text where the code alone says too little, and whether it will last."""
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
        # How http.client says that a proxy leads to no server.
        if type(link) is OSError and (refusal := _REFUSED_TUNNEL.match(str(link))):
            words = f"the proxy refuses to connect: {first_line(link).partition(': ')[2]}"
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
    """Whether the connection below TLS ended; of some Pythons only the reason says so."""
    kinds = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
    return isinstance(error, kinds) or error.reason == "UNEXPECTED_EOF_WHILE_READING"


def _tls_reason(error: ssl.SSLError) -> str:
    if error.reason == "WRONG_VERSION_NUMBER":
        return f"{error.reason}; the server may speak plain http only"
    return error.reason or first_line(error)


def _address(error: BaseException) -> str | None:
    url = getattr(getattr(error, "request", None), "url", None)
    return address_of(url) if isinstance(url, str) else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        link = queue.pop(0)
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            queue += [getattr(link, "reason", None), *link.args, link.__cause__]
            queue.append(link.__context__)
