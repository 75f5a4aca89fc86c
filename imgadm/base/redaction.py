"""Secrets in URLs, and in texts that have URLs in them, replaced by ``***``.

imgadm never shows, records or logs anything that may give access: the user and the password, since
a token can stand in the place of either; the values in a query, except those known to be harmless;
and the fragment. If ``@``, ``/``, ``?`` or ``#`` stand unescaped in a text, so that its password
and its path cannot be told apart, none of it is shown.

:class:`SecretUrl` is a URL whose text has no secrets. Only its :meth:`~SecretUrl.reveal` returns
them, at the point where a request is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

HIDDEN = "***"

PLAIN_PARAMETERS = frozenset(
    {
        "action",
        "channel",
        "compression",
        "dataset_guid",
        "limit",
        "marker",
        "scope",
        "service",
        "sha1",
    }
)
"""The parameters of queries whose values are shown.

Any other may give access, as in the signed addresses of object stores.
"""

_PARTS = re.compile(
    r"(?P<before>\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?//|)"
    r"(?P<authority>[^/?#\\]*)"
    r"(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?"
    r"(?:#(?P<fragment>.*))?",
    re.DOTALL,
)
_PLAUSIBLE_HOST = re.compile(
    r"(?:localhost|[\w-]+(?:\.[\w-]+)+|\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\])\.?(?::[0-9]{0,5})?"
)
_PATH_PARAMETER = re.compile(r"(;[^=;/]*=)[^;/]+")
# Strangers write the texts, and may make them long. Every attempt to match therefore begins at the
# end of the last one, or at a word, so that the time of a search does not grow with the square.
_URL_IN_TEXT = re.compile(r"(?:(?<=[A-Za-z0-9+.-]:)|(?<![^\s\"'(=]))//[^\s\"<>]+")
_TARGET_IN_TEXT = re.compile(r"(?<=with url: )[^\s\"<>]+")
"""The address in messages of urllib3."""
_PATH_IN_TEXT = re.compile(r"(?<![^\s\"'(])/[^\s\"'(<>;?#]*+;[^\s\"'(<>=]+=[^\s\"<>]*")
_BEFORE_AT_IN_TEXT = re.compile(
    r"(?P<mark>[/@]?)(?<![^\s\"/@])(?P<words>[^\s\"/@]++)@(?!sha(?:256|384|512):)(?=[\w\[])"
)
_USER = re.compile(r"(?<![\w.%+~-])[\w.%+~-]++:(?=.)")
_PARAMETER_IN_TEXT = re.compile(r"([?&])([\w.~%-]++)=([^\s&\"<>]*)")
_PROOF_IN_TEXT = re.compile(
    r"(authorization[\"']?\s?[:=]\s?[\"']?(?:\w+\s)?)[\w.~+/=-]{8,}", re.IGNORECASE
)
"""The credentials in a request that a server quotes when it refuses it."""
_DIGEST_AT_END = re.compile(r"@(?:sha[0-9]+:[^/@]*|[a-z0-9.+_-]+:[0-9A-Fa-f]{16,})$")
_ENDS_OF_SENTENCES = ".,:;!)]}'"


class SecretUrl(str):
    """A URL as it was typed, whose text is its form without secrets.

    Two are equal if they were typed alike. A comparison with a plain text compares the form without
    secrets.
    """

    __slots__ = ("_typed",)
    _typed: str

    def __new__(cls, typed: str) -> Self:
        if isinstance(typed, cls):
            return typed
        made = super().__new__(cls, redact_url(typed))
        made._typed = typed
        return made

    def reveal(self) -> str:
        """Return the URL with its secrets, for a request or the file it is configured in."""
        return self._typed

    @property
    def has_secret(self) -> bool:
        """Whether the text of the URL leaves anything out."""
        return self._typed != str(self)

    def __str__(self) -> str:
        return str.__str__(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SecretUrl):
            return self._typed == other._typed
        return str.__eq__(self, other) if isinstance(other, str) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __reduce__(self) -> tuple[type[SecretUrl], tuple[str]]:
        """Return a form without secrets for pickling; copies in memory keep the secrets."""
        return SecretUrl, (str.__str__(self),)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


def redact_url(url: str) -> str:
    """Return ``url``, which may be no URL at all, without possible secrets."""
    match = _PARTS.fullmatch(url)
    if match is None:
        return HIDDEN
    before, authority, path = match["before"], match["authority"], match["path"]
    query, fragment = match["query"], match["fragment"]
    rest = url[match.end("authority") :]
    _, at, host = authority.rpartition("@")
    if "@" in rest and (at or not _PLAUSIBLE_HOST.fullmatch(authority)):
        return before + HIDDEN
    shown = f"{HIDDEN}@{host}" if at else authority
    shown = before + shown + redact_path(path)
    if query is not None:
        shown += f"?{redact_query(query)}"
    if fragment is not None:
        shown += f"#{HIDDEN}" if fragment else "#"
    return shown


def redact_path(path: str) -> str:
    """Return the path of a URL without the values of the parameters in it (RFC 3986, 3.3)."""
    return _PATH_PARAMETER.sub(rf"\1{HIDDEN}", path)


def redact_query(query: str) -> str:
    """Return the query of a URL without the values that may be secret."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return "&".join(_parameter(name, equals, value) for name, equals, value in pairs)


def _parameter(name: str, equals: str, value: str) -> str:
    if name.lower() in PLAIN_PARAMETERS and ";" not in value:
        return name + equals + value
    # A word without a value may itself be a key, which requests send with an equals sign.
    return f"{name}={HIDDEN}" if value else HIDDEN if name else equals


def redact_reference(name: str) -> str:
    """Return the name of an image in a registry without a user and password before its host.

    An ``@`` behind the first slash begins a digest, which stays.
    """
    digest = _DIGEST_AT_END.search(name)
    body, end = (name[: digest.start()], digest[0]) if digest else (name, "")
    return (redact_url(body) if "@" in body or "?" in body else body) + end


def redact_word(word: str) -> str:
    """Return a word of a command line, which may be a URL, without secrets."""
    option, equals, value = word.partition("=")
    if equals and option.startswith("--"):
        return f"{option}={redact_word(value)}"
    if "://" in word:
        return redact_url(word)
    return redact_reference(word) if "@" in word else redact_text(word)


def redact_words(words: Iterable[str]) -> list[str]:
    """Return the words of a command line, each as :func:`redact_word` does."""
    return [redact_word(word) for word in words]


def redact_text(text: str) -> str:
    """Return a message without the secrets of its URLs and without credentials of requests.

    This is for messages of others, such as the exception of a library. It takes a blank or a
    quotation mark for the end of a URL, so a message of imgadm must contain URLs that are redacted
    already.
    """
    if "//" in text:
        text = _URL_IN_TEXT.sub(_shown_match, text)
    if "with url: " in text:
        text = _TARGET_IN_TEXT.sub(_shown_match, text)
    if ";" in text:
        text = _PATH_IN_TEXT.sub(_shown_match, text)
    if "@" in text:
        text = _BEFORE_AT_IN_TEXT.sub(_shown_user, text)
    if "=" in text:
        text = _PARAMETER_IN_TEXT.sub(_shown_parameter, text)
    return _PROOF_IN_TEXT.sub(rf"\1{HIDDEN}", text)


def redact_values(value: Any, redact: Callable[[str], str] = redact_text) -> Any:
    """Return JSON data with every text in it, except keys, as ``redact`` returns it.

    Pass :func:`redact_url` if each text may be a URL by itself.
    """
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: redact_values(item, redact) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [redact_values(item, redact) for item in value]
    return value


def _shown_match(match: re.Match[str]) -> str:
    url = match[0].rstrip(_ENDS_OF_SENTENCES)
    return redact_url(url) + match[0][len(url) :]


def _shown_user(match: re.Match[str]) -> str:
    mark, words = match["mark"], match["words"]
    user = _USER.search(words)
    if user is not None and mark and user.start() == 0:  # the tag of an image in a registry
        user = _USER.search(words, user.end())
    return match[0] if user is None else f"{mark}{words[: user.start()]}{HIDDEN}@"


def _shown_parameter(match: re.Match[str]) -> str:
    mark, name, given = match.groups()
    value = given.rstrip(_ENDS_OF_SENTENCES)
    return mark + _parameter(name, "=", value) + given[len(value) :]
