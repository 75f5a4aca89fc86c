"""Docstrings as Markdown: a role such as ``:class:`Stage``` becomes the plain name in code."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):`~?([^`]+)`")
LITERAL_BLOCK = re.compile(r"::\n\n(?=    )")


class PlainNames(griffe.Extension):
    """Rewrite each docstring when it has been read."""

    def on_object(self, *, obj: griffe.Object, **_kwargs: Any) -> None:
        """Replace the roles, and the marks of literal blocks, by what Markdown understands."""
        if obj.docstring is not None:
            text = ROLE.sub(lambda match: f"`{match[1].rpartition('.')[2]}`", obj.docstring.value)
            obj.docstring.value = LITERAL_BLOCK.sub(":\n\n", text)
