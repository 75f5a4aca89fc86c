"""The decisions to differ from SmartOS imgadm, each with its reason and what an operator does.

Rules and differences refer to them; ``docs/how-to/coming-from-smartos.md`` is made of them.
"""

from __future__ import annotations

from dataclasses import dataclass

SCRIPTS = "Exit statuses and errors"
LISTS = "Lists and tables"
SOURCES = "Sources and configuration"
IMPORTS = "Import and install"
UPKEEP = "Update and vacuum"
CREATION = "Create and publish"
TOPICS = (SCRIPTS, LISTS, SOURCES, IMPORTS, UPKEEP, CREATION)
"""The parts of the page, in its order."""


@dataclass(frozen=True)
class Decision:
    """One difference that is meant, in whole sentences.

    ``topic`` is a part of the page. It is empty for a difference between two runs, or two records,
    rather than between the two tools; such a decision is not on the page. ``action`` is empty if
    nobody has to do anything.
    """

    topic: str
    differs: str
    why: str
    action: str = ""


DECISIONS: list[Decision] = []
"""All decisions, in the order of the page within each topic."""


def _decided(topic: str, differs: str, why: str, action: str = "") -> Decision:
    decision = Decision(topic, differs, why, action)
    DECISIONS.append(decision)
    return decision


TIMES_OF_THE_RUN = _decided(
    "", "A time of the run itself differs in every run.", "The runs took place at different times."
)
MADE_UP = _decided(
    "",
    "A UUID, or the name of a snapshot, that a run makes up differs in every run.",
    "Both tools make them up anew.",
)
UNSEEN_PING = _decided(
    "",
    "The replay sees the request of a ping that the record of the case lacks.",
    "The recorder left it out.",
)

USAGE_STATUS = _decided(
    SCRIPTS,
    "A command line that makes no sense ends with exit status 2, not 1.",
    "The manual page promises status 2 for usage errors.",
    "Let scripts test for a status other than 0, not for 1.",
)
STATUS_IN_RECORDS = _decided(
    SCRIPTS,
    "With `-E`, the JSON record of an error also has `exitStatus`.",
    "A program that reads the record needs no second channel for the status.",
)
INTENDED_MESSAGE = _decided(
    SCRIPTS,
    "An unknown source type, a wrong DSAPI URL, a missing prepare script and a missing origin "
    "have error messages of their own.",
    'The SmartOS tool hits a bug of its own there and prints, for example, "format is not '
    'defined".',
)
UUID_OF_ANCESTRY = _decided(
    SCRIPTS,
    "`ancestry` reports a bad UUID with the code `InvalidUUID`, as `get` and `delete` do.",
    "The SmartOS tool prints an error without a code there.",
)
JSON_READER = _decided(
    SCRIPTS,
    "An error about invalid JSON says what was expected, at which line and column.",
    "The two tools read JSON with different libraries.",
    "Rely on the code in parentheses. The words after it may change.",
)
ONE_CAUSE = _decided(
    SCRIPTS,
    "`sources -c` names the cause of a failure once.",
    "The SmartOS tool repeats the same words after `; caused by`.",
)
QUIET_END_OF_ZFS = _decided(
    SCRIPTS,
    "An error that quotes `zfs send` has no empty line at its end.",
    "The empty line carries no information.",
)

DEFAULT_COLUMNS = _decided(
    LISTS,
    "`list` and `avail` show the columns `uuid,name,version,os,published`. SmartOS imgadm shows "
    "`type` too, and only the day of the publication.",
    "These are the columns that the manual page documents.",
    "Let scripts name the columns that they read: "
    "`imgadm list -H -o uuid,name,version,os,type,pub`.",
)
STABLE_SORT = _decided(
    LISTS,
    "Rows with equal sort keys keep the order in which the source lists them.",
    "The order of equal rows is arbitrary in the SmartOS tool.",
)
EMPTY_SORT = _decided(
    LISTS,
    "An empty field in `-s` is a usage error, found before any source is asked.",
    "A mistake on the command line should cost no requests.",
)
SUBSTRING_OF_OTHERS = _decided(
    LISTS,
    "The filter `field=~text` does not match a field that is neither a string nor a list.",
    "The SmartOS tool ends with an internal error there.",
)
FIRST_SOURCE = _decided(
    LISTS,
    "If several sources have an image, `avail` shows it as the first source in the configuration "
    "describes it.",
    "`import` asks the sources in that order, too.",
)
DAMAGED_RECORD = _decided(
    LISTS,
    "`list` warns of a damaged record and lists its image without details.",
    "The SmartOS tool crashes.",
    "Remove the damaged file that the warning names. Then `imgadm update` records the image anew.",
)

NO_LIST = _decided(
    SOURCES,
    "A reply that is not JSON is an error that names the source.",
    "The SmartOS tool takes such a reply for an empty answer and ends with success.",
)
REDIRECTS = _decided(
    SOURCES,
    "Redirects of a source are followed, though never from https to http.",
    "A server that has moved stays usable.",
)
WITHOUT_CONFIGURATION = _decided(
    SOURCES,
    "Commands that need no sources go on without a usable configuration file, and warn of what is "
    "wrong with it.",
    "Listing installed images, for example, does not need it.",
)
TRUTHFUL_EDIT = _decided(
    SOURCES,
    "`sources -e` reports a new order only if the order of the remaining sources has changed.",
    "The SmartOS tool also reports it when a source was merely added.",
)
NO_REGISTRY = _decided(
    SOURCES,
    "If an image is named as in a Docker registry and no registry is configured, the error says "
    "how to add one.",
    "The name may be correct.",
)

ONE_PASS = _decided(
    IMPORTS,
    "There is no directory of downloads. imgadm does not use `/var/tmp/.imgadm-downloads`.",
    "An image is downloaded, checked, decompressed and received in one pass.",
    "Remove old files there by hand. To install from a file, use `imgadm install -m -f`.",
)
NO_OLD_DOWNLOADS = _decided(
    IMPORTS,
    "An import never uses the download of an earlier one.",
    "imgadm keeps no downloads. It resumes a broken connection within the same run.",
)
ONE_AT_A_TIME = _decided(
    IMPORTS,
    "The images of a chain are downloaded one after the other. The lines `Downloaded image` and "
    "`Imported image` of one image follow each other.",
    "Each image is received while it is downloaded.",
)
INSTALLED_ORIGINS = _decided(
    IMPORTS,
    "Sources are not asked about the ancestry of an installed origin.",
    "The record of the origin has it.",
)
FAILED_SOURCE = _decided(
    IMPORTS,
    "If one source fails and a later one has the image, `import` warns and goes on.",
    "The SmartOS tool gives up at the first source that fails.",
)
POOL_FIRST = _decided(
    IMPORTS,
    "A missing pool is an error before the download begins.",
    "The SmartOS tool notices only when it has downloaded the file, from `zfs receive`.",
)
CLEANED_UP = _decided(
    IMPORTS,
    "An import removes the dataset `UUID-partial` of an interrupted run and succeeds.",
    "Otherwise an operator would have to destroy that dataset by hand.",
)
NO_RECORD_OF_FAILURES = _decided(
    IMPORTS,
    "A failed `import` or `install` leaves no record of the image behind.",
    "A record without an image misleads later commands.",
)
VALIDATED_FIRST = _decided(
    IMPORTS,
    "`install` validates the manifest before it prints `Installing image`.",
    "With an invalid manifest, no installation begins.",
)
COSMIC_RAY = _decided(
    IMPORTS,
    "No environment variable makes a download fail.",
    "The SmartOS tool has one for its own tests.",
)
OWN_DECODERS = _decided(
    IMPORTS,
    "Damage in a compressed file is reported by imgadm itself, with its position in bytes.",
    "Files are decompressed in the process, not by `gzip` and `xz`.",
)
AS_COMPRESSED = _decided(
    IMPORTS,
    "A file whose compression is not the one in its manifest is refused.",
    "The SmartOS tool installs an uncompressed file whose manifest says xz.",
    "Correct `compression` in the manifest.",
)
TRAILING_BYTES = _decided(
    IMPORTS,
    "Bytes after the end of the compressed data are ignored with a warning.",
    "The SmartOS tool ignores them silently.",
)
STREAM_CHECKED = _decided(
    IMPORTS,
    "A damaged ZFS stream is refused with the code `InvalidStream` and the position of the damage.",
    "imgadm checks the stream before `zfs receive` reads it.",
)
BARS = _decided(
    IMPORTS,
    "On a terminal, the progress bar disappears at the end, and a line about size, time and speed "
    "follows each image.",
    "The line tells which step was the slowest.",
    "Use `-q` for neither bar nor line.",
)

NO_TERMINAL = _decided(
    UPKEEP,
    "`vacuum` without `-f` and without a terminal is a usage error that names `-f` and `-n`.",
    "The SmartOS tool crashes.",
    "Use `imgadm vacuum -f` in scripts.",
)
DRY_RUN_ASKS_NOTHING = _decided(
    UPKEEP,
    "`vacuum -n` asks no question.",
    "A dry run deletes nothing.",
)
DRY_RUN_CHANGES_NOTHING = _decided(
    UPKEEP,
    "`update -n` changes nothing.",
    "The SmartOS tool renames snapshots even in a dry run.",
)
UNKNOWN_NAMES = _decided(
    UPKEEP,
    "`vacuum` shows an unknown name or version as `-`, as tables do.",
    "The SmartOS tool shows the word `undefined`.",
)
FAILED_UPDATES = _decided(
    UPKEEP,
    "The error of `update` names the source that failed, once, and the images that were not "
    "updated.",
    "With several sources, `ECONNREFUSED` alone does not tell which one to look at.",
)
OTHERS_GO_ON = _decided(
    UPKEEP,
    "`update` goes on after an image that cannot be updated, and reports all errors at the end.",
    "The SmartOS tool stops at the first one.",
)

DATASET_GUID = _decided(
    CREATION,
    "The manifest of a new image has `dataset_guid`, the guid of the snapshot in its file.",
    "With it, `update` recognizes the snapshot of the image. Servers may have it "
    "in their manifests, too.",
)
OTHER_COMPRESSED_BYTES = _decided(
    CREATION,
    "A compressed image file has other bytes than one made by `gzip` or `xz`. Its content is the "
    "same.",
    "imgadm compresses on all processors, in pieces that other tools can read.",
    "Compare SHA-1 sums of files only with those in their manifests.",
)
WHOLE_FILE_NAMES = _decided(
    CREATION,
    "`Sending image file to` shows the whole name of the file, with the suffix of the compression.",
    "It is the name of the file that is written.",
)
TEXT_VERSIONS = _decided(
    CREATION,
    "A version such as `1.0` stays the string that was typed.",
    "The SmartOS tool stores a number, and `1.0` becomes `1`.",
)
SIZE_OF_THE_DISK = _decided(
    CREATION,
    "`image_size` is the size of the disk that the image is made of.",
    "The SmartOS tool takes it from the origin, which may be smaller.",
)
PUBLISHED_IN_ONE_PASS = _decided(
    CREATION,
    "`create -p` writes no temporary file. The server learns the SHA-1 at the end of the upload, "
    "and is contacted before the machine is touched.",
    "The image is sent while it is made. A server that does not answer then costs no downtime.",
)
NOT_AN_IMAGE_SERVER = _decided(
    CREATION,
    "`publish` stops at the first reply that is not one of an image server, and sends no file.",
    "The error names the server and quotes its reply.",
)
ZSTD = _decided(
    CREATION,
    "`create -c` also takes `zstd`.",
    "It is one of the formats that imgadm installs.",
    "The SmartOS tool cannot install zstd images. Choose another format for hosts that have it.",
)
DESTINATION_FIRST = _decided(
    CREATION,
    "`create` checks that it can write its files before it touches the machine.",
    "The SmartOS tool crashes after it has made the snapshot, and leaves it behind.",
)
SNAPSHOT_BACK = _decided(
    CREATION,
    "A snapshot `@final` that the machine had before `create` gets its name back.",
    "The machine ends as it began.",
)
