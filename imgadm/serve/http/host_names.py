"""By which names a server may be called.

A web page can have its own host name resolved to 127.0.0.1 and then read what a server of this host
says (DNS rebinding). The request still has the name of that page in its ``Host``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from imgadm.base.text import excerpt
from imgadm.serve.http.replies import HttpError

_AUTHORITY = re.compile(
    r"(\[[0-9A-Fa-f:.]+(?:%25[\w.~-]+)?\]|[\w.~!$&'()*+,;=-]+)(?::[0-9]{0,5})?", re.A
)


def is_host_name(text: str) -> bool:
    """Tell whether ``text`` can be what a client calls a server: a name or an address, no port."""
    match = _AUTHORITY.fullmatch(_bracketed(text))
    return match is not None and match[1] == _bracketed(text)


class HostNames:
    """The names ``allowed``, in any case. If none is, a server that ``is_local`` has only the usual
    ones of this host, and any other server has every name."""

    def __init__(self, allowed: Iterable[str] = (), *, is_local: bool = True) -> None:
        self._allowed = frozenset(_plain(_bracketed(name)) for name in allowed)
        self._any = not is_local and not self._allowed
        self._is_local = is_local

    def check(self, authority: str) -> None:
        """Raise :class:`HttpError` if ``authority``, a host and perhaps a port, is none of them."""
        match = _AUTHORITY.fullmatch(authority)
        if match is None:
            raise HttpError(400, "BadRequestError", f'not a host name: "{excerpt(authority)}"')
        host = _plain(match[1])
        if self._any or host == "localhost" or host in self._allowed or self._is_address(host):
            return
        raise HttpError(
            421,
            "MisdirectedRequest",
            f'this server is not called "{excerpt(match[1])}": call it 127.0.0.1, or have it '
            "started with --host-name",
        )

    def _is_address(self, host: str) -> bool:
        """Whether ``host`` is an address that no name server has a say in."""
        try:
            address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return not self._is_local or (mapped or address).is_loopback


def _bracketed(name: str) -> str:
    """Return an address of IPv6 as it is in ``Host``."""
    return f"[{name}]" if name.count(":") > 1 and not name.startswith("[") else name


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")
