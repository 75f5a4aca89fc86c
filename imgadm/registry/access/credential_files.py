"""Files of credentials for registries, as Docker and the tools of Podman's family write them.

The first file that has credentials for the registry counts. Within a file, a credential helper
takes precedence over written credentials. No credential is ever shown or logged.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from imgadm.base.errors import ConfigError
from imgadm.base.files.secrets import exposure_of
from imgadm.base.json_input import JSONError, parse_json
from imgadm.registry.access.credential_helpers import ask_helper
from imgadm.registry.access.credentials import Credentials
from imgadm.registry.references.registry_names import OFFICIAL, RegistryName

_MAX_FILE_BYTES = 4 << 20
_OFFICIAL_KEYS = frozenset({"index.docker.io", "docker.io", "registry-1.docker.io"})
_API_PATHS = frozenset({"", "v1", "v2"})


class CredentialFiles:
    """The files of credentials: those that ``environment`` names, and those at the usual paths.

    ``on_shared`` gets a warning about each file in use that other users can read.
    """

    def __init__(
        self, environment: Mapping[str, str], *, on_shared: Callable[[str], None] | None = None
    ) -> None:
        self._environment = environment
        self._on_shared = on_shared

    def find(self, registry: RegistryName, repository: str) -> Credentials | None:
        """Return the credentials for ``repository`` of ``registry``, ``None`` if no file has any.

        Raises :class:`ConfigError` for a file that is unreadable or malformed, and for a helper
        that fails.
        """
        for path in self._paths():
            content = _read(path)
            found = None if content is None else _File(path, content).find(registry, repository)
            if found:
                self._tell_if_shared(path)
                return found
        return None

    def _tell_if_shared(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            warning = exposure_of(path, path.stat().st_mode, "credentials")
            if warning is not None and self._on_shared is not None:
                self._on_shared(warning)

    def _paths(self) -> Iterator[Path]:
        given = self._environment.get
        home = Path(given("HOME") or "/nonexistent")
        if named := given("REGISTRY_AUTH_FILE"):
            yield Path(named)
        yield Path(given("DOCKER_CONFIG") or home / ".docker") / "config.json"
        if runtime := given("XDG_RUNTIME_DIR"):
            yield Path(runtime) / "containers" / "auth.json"
        yield Path(given("XDG_CONFIG_HOME") or home / ".config") / "containers" / "auth.json"


class _File:
    """The content of one file."""

    def __init__(self, path: Path, content: Mapping[str, Any]) -> None:
        self._path = path
        self._content = content

    def find(self, registry: RegistryName, repository: str) -> Credentials | None:
        helper = self._helper(registry)
        if helper is not None:
            found = ask_helper(helper, registry.credentials_name)
            if found:
                return found
        return self._written(registry, repository)

    def _helper(self, registry: RegistryName) -> str | None:
        for key, helper in self._section("credHelpers").items():
            if _names_registry(key, registry) and isinstance(helper, str) and helper:
                return helper
        store = self._content.get("credsStore")
        return store if isinstance(store, str) and store else None

    def _written(self, registry: RegistryName, repository: str) -> Credentials | None:
        """Return the entry whose key spells the longest part of the repository's name."""
        best: tuple[int, str] | None = None
        for key in self._section("auths"):
            length = _covers(key, registry, repository)
            if length is not None and (best is None or length > best[0]):
                best = (length, key)
        return None if best is None else self._entry(best[1])

    def _entry(self, key: str) -> Credentials | None:
        entry = self._section("auths")[key]
        texts: dict[str, str] = {}
        for name in ("auth", "username", "password", "identitytoken", "registrytoken"):
            value = entry.get(name) if isinstance(entry, dict) else None
            texts[name] = value if isinstance(value, str) else ""
        username, password = texts["username"], texts["password"]
        if texts["auth"]:
            username, password = self._decoded(key, texts["auth"])
        found = Credentials(username, password, texts["identitytoken"], texts["registrytoken"])
        return found or None

    def _decoded(self, key: str, auth: str) -> tuple[str, str]:
        try:
            user, colon, password = base64.b64decode(auth).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = colon = password = ""
        if not colon:
            raise ConfigError(
                f'"auth" of "{key}" in "{self._path}" is not USER:PASSWORD in base64; log in again'
            ) from None
        return user, password.rstrip("\0")

    def _section(self, name: str) -> Mapping[str, Any]:
        section = self._content.get(name)
        return section if isinstance(section, dict) else {}


def _read(path: Path) -> Mapping[str, Any] | None:
    """Return the JSON object in a file; ``None`` if there is no file."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f'cannot read credentials in "{path}": {error.strerror}') from error
    if len(data) > _MAX_FILE_BYTES:
        raise ConfigError(f'credentials file "{path}" is longer than {_MAX_FILE_BYTES} bytes')
    if not data.strip():
        return None
    try:
        content = parse_json(data)
    except JSONError as error:
        raise ConfigError(f'credentials file "{path}" is not valid JSON', cause=error) from None
    if not isinstance(content, dict):
        raise ConfigError(f'credentials file "{path}" is not a JSON object')
    return content


def _split_key(key: str) -> tuple[str, str]:
    """Return the ``HOST[:PORT]`` and the path of a repository that ``key`` names."""
    host, _, path = key.lower().rpartition("://")[2].partition("/")
    path = path.strip("/")
    return OFFICIAL if host in _OFFICIAL_KEYS else host, "" if path in _API_PATHS else path


def _names_registry(key: str, registry: RegistryName) -> bool:
    return _split_key(key) == (registry.name, "")


def _covers(key: str, registry: RegistryName, repository: str) -> int | None:
    """Return the number of characters of ``repository`` that ``key`` spells.

    None if the key is for another registry or repository.
    """
    host, path = _split_key(key)
    if host != registry.name:
        return None
    covered = not path or repository == path or repository.startswith(path + "/")
    return len(path) if covered else None
