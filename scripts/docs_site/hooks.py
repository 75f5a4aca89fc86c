"""Pages of files at the top of the repository, and links that lead out of ``docs``.

MkDocs calls these functions by their names (https://www.mkdocs.org/user-guide/configuration/).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

TREE = Path(__file__).resolve().parents[2]
TOP_FILES = {
    "CONTRIBUTING.md": "contributing/contributing.md",
    "CHANGELOG.md": "contributing/changelog.md",
    "SECURITY.md": "contributing/reporting.md",
}
"""Files that a reader of the repository looks for at its top, and their pages."""

LINK = re.compile(r"\[([^\]]*)\]\(([^):#\s]+)((?:#[^)]*)?)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file of the top folder that has one."""
    for name, page in TOP_FILES.items():
        files.append(File.generated(config, page, content=(TREE / name).read_text()))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Make each link lead to a page; of a link to a file without a page, only the text stays."""
    source = page.file.src_uri
    tops = {top: name for name, top in TOP_FILES.items()}
    home = Path(tops[source]) if source in tops else Path("docs", source)

    def relinked(match: re.Match[str]) -> str:
        text, target, anchor = match.groups()
        path = os.path.normpath(home.parent / target)
        page_of_target = TOP_FILES.get(path, path.removeprefix("docs/"))
        if path not in TOP_FILES and not path.startswith("docs/"):
            return text
        return f"[{text}]({os.path.relpath(page_of_target, Path(source).parent)}{anchor})"

    return LINK.sub(relinked, markdown)
