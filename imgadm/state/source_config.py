"""An image source, as an entry of the configuration describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from imgadm.base.errors import ConfigError
from imgadm.base.redaction import SecretUrl
from imgadm.base.urls import normalise_url, shown_value, with_scheme


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """A source as an entry describes it; a key that the entry lacks is ``None``.

    ``url`` is the URL as it was typed. Its text hides the secrets; ``url.reveal()`` has them.
    ``channel`` is the channel that the entry names outside of its URL. ``extra`` are the keys of
    the entry that this version does not know; comparisons ignore them.
    """

    url: SecretUrl
    type: str = "imgapi"
    insecure: bool | None = None
    channel: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Hide the secrets of ``url``, even if it was given as a plain text."""
        object.__setattr__(self, "url", SecretUrl(self.url))

    @classmethod
    def from_dict(cls, entry: object) -> SourceConfig:
        """Return the source that ``entry`` of the configuration file describes.

        Raises :class:`ConfigError` for an entry of the wrong form.
        """
        if not isinstance(entry, dict):
            raise ConfigError(f"image source is not an object: {shown_value(entry)}")
        wanted: Mapping[str, tuple[type, ...]] = {
            "url": (str,),
            "type": (str,),
            "insecure": (bool, type(None)),
            "channel": (str, type(None)),
        }
        values = {"type": "imgapi"} | {name: entry[name] for name in wanted if name in entry}
        for name, types in wanted.items():
            if name in values and not isinstance(values[name], types):
                raise ConfigError(f'"{name}" of image source is invalid: {shown_value(entry)}')
        if "url" not in values:
            raise ConfigError(f'image source has no "url": {shown_value(entry)}')
        values["url"] = SecretUrl(values["url"])
        return cls(**values, extra={key: entry[key] for key in entry if key not in wanted})

    @classmethod
    def at(
        cls,
        url: str,
        type_: str = "imgapi",
        *,
        insecure: bool | None = None,
        channel: str | None = None,
    ) -> Self:
        """Return the source at ``url``, as an operator typed it.

        A URL without a scheme becomes an https URL, except the URL of a registry, which has rules
        of its own.
        """
        typed = url if type_ == "docker" else with_scheme(url)
        return cls(SecretUrl(typed), type_, insecure, channel)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of the configuration file, with the secrets in its URL."""
        entry: dict[str, Any] = {"type": self.type, "url": self.url.reveal()}
        if self.insecure is not None:
            entry["insecure"] = self.insecure
        if self.channel is not None:
            entry["channel"] = self.channel
        return {**entry, **self.extra}

    @property
    def normalised_url(self) -> SecretUrl:
        """The URL in the spelling that equal URLs share; raises :class:`ConfigError`."""
        typed = self.url.reveal()
        if self.type == "docker":
            # Only registries need this, and most runs have none.
            from imgadm.registry.references.registry_names import parse_registry_name

            root = parse_registry_name(typed).root
            scheme, _, host = root.partition("://")
            user, at, _ = typed.rpartition("://")[2].rpartition("@")
            return SecretUrl(f"{scheme}://{user}{at}{host}")
        return SecretUrl(normalise_url(typed))

    @property
    def identity(self) -> tuple[SecretUrl, str, bool | None, str | None]:
        """A value that two entries have in common if they are the same source."""
        return (self.normalised_url, self.type, self.insecure, self.channel)

    @property
    def display(self) -> str:
        """The source as messages name it."""
        text = f'"{self.type}" image source "{self.url}"'
        if self.insecure:
            text += " (insecure)"
        if self.channel:
            text += f" (channel={self.channel})"
        return text
