"""Text from strangers, made safe to show.

Names, messages and manifests come from servers, files and programs. A terminal obeys control
characters, marks of direction turn a line around, and invisible characters or unusual blanks make
two names look alike. All of these are shown as escapes. The letters of all languages, and emoji,
stay as they are.
"""

from __future__ import annotations

import re

_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
_INVISIBLE = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0e\uffa0"
    "\U000e0100-\U000e01ef"
)
"""The invisible characters among those that Unicode counts as letters and marks.

U+FE0F, which turns a sign into an emoji, is not among them.
"""

_ODD = re.compile(f"[{_INVISIBLE}]")
_PICTURE = "\u2190-\u2bff\u3030-\u3299\U0001f000-\U0001faff"
_JOINED_EMOJI = re.compile(f"(?<=[{_PICTURE}\ufe0f])\u200d(?=[{_PICTURE}])")
_ASCII_CONTROLS = bytes((*range(32), 127))
_EXCERPT_CHARACTERS = 200


def printable(text: str, *, keep: str = "") -> str:
    r"""Return ``text`` with escapes in place of control and invisible characters.

    The characters in ``keep`` stay. Escapes are ``\t``, ``\n``, ``\r``, ``\x1b`` for the other
    control characters of ASCII, and ``\u202e`` for all else, in two halves above U+FFFF as in JSON.
    JSON text stays JSON and keeps its meaning, because control characters of ASCII stand only
    between its values.
    """
    if is_printable(text, keep=keep):
        return text
    if "\n" in keep and "\n" in text:  # most lines of a long text are harmless
        return "\n".join([printable(line, keep=keep) for line in text.split("\n")])
    joints = {match.start() for match in _JOINED_EMOJI.finditer(text)}
    return "".join(
        character
        if character in keep
        or index in joints
        or (character.isprintable() and not _ODD.match(character))
        else _escaped(character)
        for index, character in enumerate(text)
    )


def is_printable(text: str, *, keep: str = "") -> bool:
    """Tell whether :func:`printable` surely leaves ``text`` as it is.

    For a few harmless texts, such as some with joined emoji, the answer is False.
    """
    if text.isascii():
        controls = _ASCII_CONTROLS.translate(None, keep.encode("ascii", "ignore"))
        content = text.encode("ascii")
        return len(content.translate(None, controls)) == len(content)
    for character in keep:
        text = text.replace(character, "")
    return text.isprintable() and _ODD.search(text) is None


def excerpt(value: object, *, limit: int = _EXCERPT_CHARACTERS) -> str:
    """Return the beginning of ``value`` as one printable line, as messages quote it.

    A string is shown as it is, bytes as the UTF-8 that they spell, and any other JSON value as
    JSON. A text longer than ``limit`` characters is cut and ends with ``...``.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    return _cut(value, limit) if isinstance(value, str) else json_excerpt(value, limit=limit)


def json_excerpt(value: object, *, limit: int = _EXCERPT_CHARACTERS) -> str:
    """Return the beginning of ``value`` as JSON, strings in quotation marks, in one printable line.

    A text longer than ``limit`` characters is cut and ends with ``...``.
    """
    from imgadm.base.json_text import compact_json

    return _cut(compact_json(value), limit)


def _cut(text: str, limit: int) -> str:
    text = printable(text[: limit + 1])
    return text if len(text) <= limit else text[:limit] + "..."


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if code < 0x20:
        return f"\\x{code:02x}"
    if code > 0xFFFF:
        code -= 0x10000
        return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
    return f"\\u{code:04x}"
