"""The credentials of a user for a registry."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials for one registry; a part that is not there is empty.

    ``identity_token`` stands for ``username`` and ``password``: an authorization server exchanges
    it for a token. ``registry_token`` is sent to the registry as it is.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        """Tell whether there is anything to authenticate with."""
        return bool(self.username or self.identity_token or self.registry_token)
