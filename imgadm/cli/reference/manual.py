"""The manual page, made from what the commands declare: ``python -m imgadm.cli.reference.manual``.

Written in the macros of man(7), which groff, mandoc and illumos all format.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from imgadm.cli.command import Command
from imgadm.cli.commands import ALIASES, GROUPS, find_command
from imgadm.cli.options import Option
from imgadm.cli.reference.help import ENVIRONMENT, continued, option_label, wrapped
from imgadm.cli.shared_options import GLOBAL_OPTIONS

_WIDTH = 72

_DESCRIPTION = """\
imgadm manages virtual machine images. An image is a ZFS send stream, which may be compressed, and
a manifest, a JSON object that describes it. Image servers offer images by a small HTTP interface
(IMGAPI); such a server is a source.

An image is kept in a pool. On a host with ZFS that is a zpool, and the image is a dataset with one
snapshot. A directory pool is a directory on any file system: the image of a virtual disk is a raw
disk in it that a hypervisor can boot, any other image is its checked stream. A pool's name with a
slash in it means a directory pool. Without -P and without IMGADM_POOL the pool is the zpool zones,
or, on a host that has no zfs program, a directory pool below the directory of imgadm's records.

An image is fetched, checked, decompressed and received at the same time, with no temporary file. It
appears when all checks have passed, or not at all. A connection that is lost is resumed."""

_MORE_ENVIRONMENT = (
    (
        "IMGADM_PATIENCE=<seconds>",
        "How long to wait for an answer: of a source, which is not asked again then, or of a "
        "program that is asked about this host (zfs list, zoneadm, sysinfo). Such a program gets "
        "300 seconds by default. Downloads, and programs that change something, are not bound.",
    ),
    ("IMGADM_CONNECT_RETRIES=<number>", "How often a source that fails is asked again: 3 times."),
    ("IMGADM_INSECURE=1", "Trust whatever TLS certificate a source shows."),
    (
        "https_proxy, http_proxy, all_proxy, no_proxy",
        "The first of them that is set is the proxy for everything, whatever the scheme of the "
        "URL; no_proxy names hosts that are reached directly. Capitals will do.",
    ),
    (
        "REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE",
        "A file with the certificates of the authorities to trust.",
    ),
    (
        "DOCKER_CONFIG, REGISTRY_AUTH_FILE",
        "The directory with Docker's config.json, by default ~/.docker, and a file like it that is "
        "read before: credentials for Docker registries.",
    ),
    ("REQ_ID=<id>", "The id of this run in log records and requests; a new UUID by default."),
    ("VISUAL, EDITOR", "The editor for imgadm sources -e; vi by default."),
    ("TMPDIR", "Where the text for the editor is kept. Nothing else is written to it."),
)
"""What is heeded too, but seldom needed."""

_FILES = (
    (
        "/var/imgadm/imgadm.conf",
        "Configuration: the sources, and mirrors of Docker registries, as JSON.",
    ),
    ("/var/imgadm/images/", "Records of the images on zpools."),
    ("/var/imgadm/cache/", "What makes lists of images faster; may be removed at any time."),
    ("/var/imgadm/pool/", "The default directory pool, where the host has no ZFS."),
    ("POOL/UUID/disk.raw", "In a directory pool: the disk of an image of type zvol."),
    ("POOL/UUID/stream.zfs", "In a directory pool: the checked stream of any other image."),
    ("POOL/UUID/image.json", "In a directory pool: the record of an image."),
)

_FILES_ELSEWHERE = """\
For users other than root, $XDG_DATA_HOME/imgadm (by default ~/.local/share/imgadm) takes the place
of /var/imgadm; IMGADM_ROOT moves it anywhere."""

_EXIT_STATUS = (
    ("0", "Success."),
    ("1", "Any failure without a status of its own."),
    ("2", "The command line makes no sense."),
    ("3", "The image, or the one that it is based on, is not installed."),
    ("130, 143, 129", "Ended by Ctrl-C, by SIGTERM or by SIGHUP; what was under way is undone."),
    ("141", "Nobody reads the output any more, as in imgadm list | head -1."),
)

_ERRORS = """\
A failure ends with one line on standard error, imgadm COMMAND: error (CODE): MESSAGE, whose code
does not change. With -E a JSON object that has the same code and message takes its place.

With -v, or IMGADM_LOG_LEVEL, log records come before it, each a line of JSON in the format of
bunyan. At debug there is one for each program that was run, with its arguments, its exit status and
the seconds it took; at trace, also one for each request to a source and for what came back."""

EXAMPLES = (
    (
        "Which Debian images for hardware virtual machines are there, the newest last?",
        "imgadm avail os=linux type=zvol name=~debian",
    ),
    (
        "Import one, with all that it is based on",
        "imgadm import 7b1d0e6e-52f4-4c5b-9f0a-6d3b8e0c41aa",
    ),
    (
        "Keep it as a raw disk, on a host that has no ZFS",
        "imgadm import -P /images 7b1d0e6e-52f4-4c5b-9f0a-6d3b8e0c41aa",
    ),
    ("Which images does nothing use?", "imgadm list clones=0 -o uuid,name,version,size"),
    ("Let other hosts import from this one", "imgadm serve -l 192.0.2.1:8080 -P /images"),
)


def manual_page() -> str:
    """Return the source of imgadm(8)."""
    commands = [find_command(name) for group in GROUPS for name in group]
    lines = [
        '.\\" Made by python -m imgadm.cli.reference.manual from the declarations of the commands.',
        '.TH IMGADM 8 "" imgadm "System Administration"',
        '.\\" What can be copied must not be torn apart, nor stretched.',
        ".nh",
        ".ad l",
        ".SH NAME",
        "imgadm \\- manage virtual machine images",
        ".SH SYNOPSIS",
        ".nf",
        *_literal(f"imgadm [<options>] {synopsis}" for synopsis in _synopses(commands)),
        ".fi",
        ".SH DESCRIPTION",
        *_paragraphs(_DESCRIPTION),
        ".SH OPTIONS",
        "These come before the command.",
        *_options(GLOBAL_OPTIONS),
        ".SH COMMANDS",
    ]
    for command in commands:
        lines += _command(command)
    lines += [
        ".SH ENVIRONMENT",
        *_definitions((*ENVIRONMENT, *_MORE_ENVIRONMENT)),
        ".SH FILES",
        *_definitions(_FILES),
        ".PP",
        *_paragraphs(_FILES_ELSEWHERE),
        ".SH EXIT STATUS",
        *_definitions(_EXIT_STATUS),
        ".PP",
        *_paragraphs(_ERRORS),
        ".SH EXAMPLES",
        *(line for purpose, example in EXAMPLES for line in _example(purpose, example)),
        ".SH SEE ALSO",
        ".BR zfs (8),",
        ".BR zpool (8),",
        ".BR zoneadm (8)",
    ]
    return "\n".join(lines) + "\n"


def _synopses(commands: list[Command]) -> Iterator[str]:
    for command in commands:
        yield from command.synopses


def _command(command: Command) -> Iterator[str]:
    yield f".SS {_escaped(command.name)}"
    yield ".nf"
    yield from _literal(f"imgadm {synopsis}" for synopsis in command.synopses)
    yield ".fi"
    yield ".PP"
    yield from _paragraphs(command.description)
    aliases = [alias for alias, name in ALIASES.items() if name == command.name]
    if aliases:
        yield ".PP"
        yield f"Also called {_escaped(', '.join(aliases))}."
    yield from _options(command.options)
    for section in command.sections:
        yield ".PP"
        yield f"{_escaped(section.title)}:"
        yield from _section(section.text)
    for example in command.examples:
        yield from _example(example.purpose, example.command)


def _section(text: str) -> Iterator[str]:
    """Return the parts of ``text``: paragraphs, lines of two columns, and indented lines.

    Lines of two columns are terms and what they mean; indented lines stay as they are.
    """
    for kind, lines in groupby(text.splitlines(), _kind_of_line):
        if kind == "text":
            yield from (".PP", *_paragraphs(" ".join(lines)))
        elif kind == "columns":
            for line in lines:
                term, _, meaning = line.partition("  ")
                yield from _definitions(((term, meaning.strip()),))
        elif kind == "indented":
            yield from (".PP", ".nf", ".RS 4")
            yield from _literal([line.removeprefix("    ") for line in lines])
            yield from (".RE", ".fi")


def _kind_of_line(line: str) -> str:
    if line.startswith(" "):
        return "indented"
    return "columns" if "  " in line else "text" if line else "blank"


def _example(purpose: str, command: str) -> Iterator[str]:
    yield ".PP"
    yield _escaped(purpose.rstrip(".?") + ("?" if purpose[-1] == "?" else ":"))
    yield from (".PP", ".nf", ".RS 4")
    yield from _literal(continued(command, _WIDTH - 4))
    yield from (".RE", ".fi")


def _options(options: tuple[Option, ...]) -> Iterator[str]:
    shown = [option for option in options if option.names and not option.hidden]
    return _definitions((option_label(option), option.help) for option in shown)


def _definitions(items: Iterator[tuple[str, str]] | tuple[tuple[str, str], ...]) -> Iterator[str]:
    for term, text in items:
        yield ".TP"
        yield f".B {_escaped(term)}"
        yield from _paragraphs(text)


def _paragraphs(text: str) -> Iterator[str]:
    for index, paragraph in enumerate(text.split("\n\n")):
        if index:
            yield ".PP"
        yield from map(_escaped, wrapped(paragraph, _WIDTH))


def _literal(lines: Iterator[str] | list[str]) -> Iterator[str]:
    return (_escaped(line) or "\\&" for line in lines)


def _escaped(text: str) -> str:
    """Keep ``text`` from being read as requests, and its minus signs fit for copying."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    print(manual_page(), end="")
