"""The manual page, made from the declarations of the commands.

``python -m imgadm.cli.reference.manual`` prints it, in the macros of man(7), which groff, mandoc
and illumos all format.
"""

from __future__ import annotations

from collections.abc import Iterator

from imgadm.cli.command import Command
from imgadm.cli.commands import ALIASES, GROUPS, find_command
from imgadm.cli.options import Option
from imgadm.cli.reference.help import ENVIRONMENT, continued, option_label, section_parts, wrapped
from imgadm.cli.shared_options import GLOBAL_OPTIONS

_WIDTH = 72

_DESCRIPTION = """\
imgadm manages virtual machine images. An image consists of a ZFS send stream, which may be
compressed, and a manifest, a JSON object that describes it. A source is a server that offers
images: an image server with a small HTTP interface (IMGAPI), or a Docker registry.

Images are installed in a pool. In a zpool, an image is a dataset with one snapshot. A directory
pool is a directory on any file system. In it, the image of a virtual disk is a raw disk that a
hypervisor can boot, and any other image is its checked stream. A name of a pool with a slash in it
is the path of a directory pool. Without -P and IMGADM_POOL, the pool is the zpool zones. On a host
without the zfs program it is a directory pool below the directory of imgadm's records.

An image is downloaded, checked, decompressed and received at the same time, without a temporary
file. It appears when all checks have passed, or not at all. imgadm resumes a download after the
connection was lost."""

_MORE_ENVIRONMENT = (
    (
        "IMGADM_PATIENCE=<seconds>",
        "How long to wait for a source, which is not asked again after that, and for a program "
        "that reports on this host (zfs list, zoneadm, sysinfo). The default for such programs is "
        "300 seconds. Downloads, and programs that change something, have no limit.",
    ),
    (
        "IMGADM_CONNECT_RETRIES=<number>",
        "How often imgadm asks a source again after a failure. The default is 3.",
    ),
    ("IMGADM_INSECURE=1", "Do not check the TLS certificates of sources."),
    (
        "https_proxy, http_proxy, all_proxy, no_proxy",
        "The first of the proxies that is set is used for all URLs, whatever their scheme. "
        "no_proxy names the hosts to reach without it. The names may be in capitals, too.",
    ),
    (
        "REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE",
        "A file with the certificates of all authorities to trust.",
    ),
    (
        "DOCKER_CONFIG, REGISTRY_AUTH_FILE",
        "Where credentials for Docker registries are: the directory of Docker's config.json, by "
        "default ~/.docker, and a file of the same form, which is read first.",
    ),
    ("REQ_ID=<id>", "The id of this run in log records and requests. The default is a new UUID."),
    ("VISUAL, EDITOR", "The editor of imgadm sources -e. The default is vi."),
    ("TMPDIR", "The directory of the text for the editor. No other file is written to it."),
)
"""Further environment variables, which are seldom needed."""

_FILES = (
    (
        "/var/imgadm/imgadm.conf",
        "Configuration: the sources, and mirrors of Docker registries, as JSON.",
    ),
    ("/var/imgadm/images/", "Records of the images on zpools."),
    (
        "/var/imgadm/cache/",
        "Data that makes lists of images faster. You may remove it at any time.",
    ),
    ("/var/imgadm/pool/", "The default pool of a host without ZFS."),
    ("POOL/UUID/disk.raw", "In a directory pool: the disk of an image of type zvol."),
    ("POOL/UUID/stream.zfs", "In a directory pool: the checked stream of any other image."),
    ("POOL/UUID/image.json", "In a directory pool: the record of an image."),
)

_FILES_ELSEWHERE = """\
For users other than root, the directory is $XDG_DATA_HOME/imgadm (by default
~/.local/share/imgadm) instead of /var/imgadm. IMGADM_ROOT names any other directory."""

_EXIT_STATUS = (
    ("0", "Success."),
    ("1", "Any other failure."),
    ("2", "The command line makes no sense."),
    ("3", "The image, or an image that it is based on, is not installed."),
    ("130, 143, 129", "Ended by Ctrl-C, SIGTERM or SIGHUP. Unfinished work was undone."),
    ("141", "The reader of the output has gone, as in imgadm list | head -1."),
)

_ERRORS = """\
A command that fails prints one line on standard error, imgadm COMMAND: error (CODE): MESSAGE. The
code of an error does not change. With -E, the line is a JSON object with the code and the message.
At a terminal, a second line may suggest what to type instead.

With -v, or with IMGADM_LOG_LEVEL, imgadm also prints log records, each a line of JSON in the format
of bunyan. The level debug has a record for each program that imgadm runs, with its arguments, exit
status and duration in seconds. The level trace also has one for each request to a source and for
each reply."""

EXAMPLES = (
    (
        "List the Debian images for hardware virtual machines, the newest last",
        "imgadm avail os=linux type=zvol name=~debian",
    ),
    (
        "Import one of them, with all images that it is based on",
        "imgadm import 7b1d0e6e-52f4-4c5b-9f0a-6d3b8e0c41aa",
    ),
    (
        "Import it as a raw disk, on a host without ZFS",
        "imgadm import -P /images 7b1d0e6e-52f4-4c5b-9f0a-6d3b8e0c41aa",
    ),
    ("List the images that nothing uses", "imgadm list clones=0 -o uuid,name,version,size"),
    ("Let other hosts import from this one", "imgadm serve -l 192.0.2.1:8080 -P /images"),
)


def manual_page() -> str:
    """Return the source of imgadm(8)."""
    commands = [find_command(name) for group in GROUPS for name in group]
    lines = [
        '.\\" Made by python -m imgadm.cli.reference.manual from the declarations of the commands.',
        '.TH IMGADM 8 "" imgadm "System Administration"',
        '.\\" Text for copying must not be hyphenated or stretched.',
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
    """Yield the lines of a section.

    Lines of two columns become terms with their meanings. Indented lines stay as they are.
    """
    for kind, lines in section_parts(text):
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
    """Return ``text`` without requests, and with minus signs that can be copied."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    print(manual_page(), end="")
