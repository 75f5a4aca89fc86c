"""Log records of the traffic with sources, at trace, as other tools of the platform write them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import requests

from imgadm.logs import TRACE_LEVEL, logger

_SECRET = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
_PORTS = {"http": 80, "https": 443}
_SHOWN_BODY = 64 << 10


def log_request(request: requests.PreparedRequest) -> None:
    """Log a request that is about to be sent."""
    if not _log_is_wanted():
        return
    parts = urlsplit(request.url or "")
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    _log(
        "request sent",
        "client_req",
        {
            "method": request.method,
            "url": target,
            "address": parts.hostname,
            "port": parts.port or _PORTS.get(parts.scheme),
            "headers": _shown(request.headers),
        },
    )


def log_response(response: requests.Response) -> None:
    """Log a response whose headers have come."""
    if _log_is_wanted():
        fields = {"statusCode": response.status_code, "headers": _shown(response.headers)}
        _log("Response received", "client_res", fields)


def log_body(body: bytes) -> None:
    """Log what was read as the body of a response."""
    if _log_is_wanted():
        text = body[:_SHOWN_BODY].decode(errors="replace")
        more = "..." if len(body) > _SHOWN_BODY else ""
        logger("source").log(TRACE_LEVEL, "body received:\n%s%s", text, more)


def _log_is_wanted() -> bool:
    return logger("source").isEnabledFor(TRACE_LEVEL)


def _log(message: str, name: str, fields: Mapping[str, object]) -> None:
    logger("source").log(TRACE_LEVEL, message, extra={"fields": {name: fields}})


def _shown(headers: Mapping[str, str | bytes]) -> dict[str, object]:
    return {name: "***" if name.lower() in _SECRET else value for name, value in headers.items()}
