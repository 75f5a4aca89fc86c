"""Debian's `contrib` component, where zfs-dkms lives, added to the sources of apt.

The addition is one file of its own in /etc/apt/sources.list.d, made of the entries that already
serve Debian's `main`: same mirror, suites and key, so apt sees no conflict. Removing the file
undoes it. Formats: sources.list(5), one-line and deb822 style.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

APT = Path("/etc/apt")
ADDED_NAME = "imgadm-zfsvm"


def contrib_entries(text: str, *, style: str, mirrors: frozenset[str]) -> str:
    """The entries of a sources file that serve `main` from `mirrors`, asking for contrib instead.

    `style` is `list` (one line an entry) or `sources` (deb822 stanzas). Returns an empty text where
    no entry fits.
    """
    pick = {"list": _pick_lines, "sources": _pick_stanzas}[style]
    return pick(text, mirrors)


def _pick_lines(text: str, mirrors: frozenset[str]) -> str:
    entry = re.compile(
        r"deb\s+(?P<options>\[.*?\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<parts>.*)"
    )
    picked = []
    for line in text.splitlines():
        match = entry.fullmatch(line.partition("#")[0].strip())
        if match and _normal(match["uri"]) in mirrors and "main" in match["parts"].split():
            picked.append(f"deb {match['options'] or ''}{match['uri']} {match['suite']} contrib\n")
    return "".join(picked)


def _pick_stanzas(text: str, mirrors: frozenset[str]) -> str:
    uncommented = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    picked = []
    for stanza in re.split(r"\n\s*\n", uncommented.strip()):
        uris = {_normal(uri) for uri in _words(stanza, "URIs")}
        fits = "deb" in _words(stanza, "Types") and "main" in _words(stanza, "Components")
        if fits and mirrors & uris:
            picked.append(re.sub(r"(?m)^Components:.*$", "Components: contrib", stanza) + "\n")
    return "\n".join(picked)


def _words(stanza: str, field: str) -> list[str]:
    match = re.search(rf"(?m)^{field}:(.*)$", stanza)
    return match[1].split() if match else []


def enable_contrib() -> Path | None:
    """Add Debian's contrib where it is not enabled yet; the lists of apt must be fresh.

    Returns the file written (update apt after it), or None where there was nothing to do. Raises
    :class:`LookupError` where apt knows no Debian mirror to take it from.
    """
    targets = _debian_targets()
    if any(component == "contrib" for _, component in targets):
        return None
    mirrors = frozenset(_normal(uri) for uri, component in targets if component == "main")
    for path in (APT / "sources.list", *sorted((APT / "sources.list.d").iterdir())):
        style = path.suffix.removeprefix(".")
        if style not in ("list", "sources") or not path.is_file():
            continue
        if entries := contrib_entries(path.read_text(), style=style, mirrors=mirrors):
            added = APT / "sources.list.d" / f"{ADDED_NAME}.{style}"
            added.write_text(entries)
            return added
    raise LookupError("no source of apt serves Debian's main component: add contrib by hand")


def _debian_targets() -> list[tuple[str, str]]:
    listed = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI)|$(COMPONENT)|$(ORIGIN)|$(LABEL)",
            "Created-By: Packages",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = (line.split("|") for line in listed.stdout.splitlines())
    return [(uri, component) for uri, component, *who in rows if who == ["Debian", "Debian"]]


def _normal(uri: str) -> str:
    return uri.rstrip("/")
