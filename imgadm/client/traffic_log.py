"""Log records of requests and responses, at level trace, as other tools of SmartOS write them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import requests

from imgadm.base.logs import TRACE_LEVEL, logger
from imgadm.base.redaction import HIDDEN, redact_path, redact_query, redact_url
from imgadm.base.urls import port_of

_SECRET = ("auth", "cookie", "token", "secret", "password", "key", "signature", "credential")
"""Words in the names of headers whose values are secret."""

_PUBLIC = frozenset({"www-authenticate", "proxy-authenticate", "idempotency-key"})
_SHOWN_BODY = 64 << 10


def log_request(request: requests.PreparedRequest) -> None:
    """Log a request that is about to be sent."""
    if not _log_is_wanted():
        return
    parts = urlsplit(request.url or "")
    query = redact_query(parts.query)
    path = redact_path(parts.path or "/")
    target = f"{path}?{query}" if query else path
    _log(
        "request sent",
        "client_req",
        {
            "method": request.method,
            "url": target,
            "address": parts.hostname,
            "port": port_of(parts),
            "headers": _shown(request.headers),
        },
    )


def log_response(response: requests.Response) -> None:
    """Log the status and headers of a response."""
    if _log_is_wanted():
        fields = {"statusCode": response.status_code, "headers": _shown(response.headers)}
        _log("Response received", "client_res", fields)


def log_body(body: bytes) -> None:
    """Log the body of a response."""
    if _log_is_wanted():
        text = body[:_SHOWN_BODY].decode(errors="replace")
        more = "..." if len(body) > _SHOWN_BODY else ""
        logger("source").log(TRACE_LEVEL, "body received:\n%s%s", text, more)


def _log_is_wanted() -> bool:
    return logger("source").isEnabledFor(TRACE_LEVEL)


def _log(message: str, name: str, fields: Mapping[str, object]) -> None:
    logger("source").log(TRACE_LEVEL, message, extra={"fields": {name: fields}})


def _shown(headers: Mapping[str, str | bytes]) -> dict[str, object]:
    return {name: _shown_value(name.lower(), value) for name, value in headers.items()}


def _shown_value(name: str, value: str | bytes) -> str | bytes:
    if name not in _PUBLIC and any(word in name for word in _SECRET):
        return HIDDEN
    if name == "referer" or name.endswith("location"):
        return redact_url(value if isinstance(value, str) else value.decode("latin-1"))
    return value
