"""The names that a client may use for a server.

A web page can let its own host name resolve to 127.0.0.1, and then read what a server on this host
replies (DNS rebinding). The field ``Host`` of such a request still has the name of that page.
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
    """Tell whether ``text`` is the name or address of a host, without a port."""
    match = _AUTHORITY.fullmatch(_bracketed(text))
    return match is not None and match[1] == _bracketed(text)


class HostNames:
    """The names that clients may use: ``allowed``, upper or lower case, and addresses.

    A server that ``is_local`` also has the name ``localhost``, but only the addresses of this host
    itself. Any other server has every address, and every name if no name is ``allowed``.
    """

    def __init__(self, allowed: Iterable[str] = (), *, is_local: bool = True) -> None:
        self._allowed = frozenset(_plain(_bracketed(name)) for name in allowed)
        self._any = not is_local and not self._allowed
        self._is_local = is_local

    def check(self, authority: str) -> None:
        """Raise :class:`HttpError` unless ``authority``, a host and maybe a port, may be used."""
        match = _AUTHORITY.fullmatch(authority)
        if match is None:
            raise HttpError(400, "BadRequestError", f'not a host name: "{excerpt(authority)}"')
        host = _plain(match[1])
        if self._any or host == "localhost" or host in self._allowed or self._is_address(host):
            return
        raise HttpError(
            421,
            "MisdirectedRequest",
            f'this server does not answer to the name "{excerpt(match[1])}": call it 127.0.0.1, or '
            "start it with --host-name",
        )

    def _is_address(self, host: str) -> bool:
        """Tell whether ``host`` is an address of the server: no name server can forge that."""
        try:
            address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return not self._is_local or (mapped or address).is_loopback


def _bracketed(name: str) -> str:
    """Return ``name``, an IPv6 address with the brackets that it has in ``Host``."""
    return f"[{name}]" if name.count(":") > 1 and not name.startswith("[") else name


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")
