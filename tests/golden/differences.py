"""Differences of single cases, each with the reason for it and what we have instead.

A text given here replaces the recorded one whole. ``state`` is laid over the recorded changes; None
as the content of a key takes the change away. ``like`` names another case: what was recorded there
is what we do here, but for what the entry says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from . import decisions
from .decisions import Decision
from .outcome import Outcome

PARTS = ("exit", "stdout", "stderr", "terminal", "editor_text", "requests")


@dataclass(frozen=True)
class Difference:
    """The decision why ours differs from the recorded run, and the parts that differ."""

    decision: Decision
    like: str = ""
    exit: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    terminal: str | None = None
    editor_text: str | None = None
    requests: frozenset[str] | None = None
    state: Mapping[tuple[str, str], Any] = field(default_factory=dict)

    def apply(self, recorded: Outcome, model: Outcome | None = None) -> Outcome:
        """The outcome that we want; ``model`` is that of the case that this one is ``like``.

        AssertionError if a part of this entry is no difference.
        """
        start = model or recorded
        parts = {name: getattr(self, name) for name in PARTS if getattr(self, name) is not None}
        for name, value in parts.items():
            self._check(name, value != getattr(start, name))
        for key, content in self.state.items():
            self._check(" ".join(key), content != start.state.get(key))
        state = {**start.state, **self.state}
        wanted = {key: content for key, content in state.items() if not self._takes_away(key)}
        outcome = replace(start, **parts, state=wanted)
        self._check("an empty entry", outcome != recorded)
        return outcome

    def _takes_away(self, key: tuple[str, str]) -> bool:
        return key in self.state and self.state[key] is None

    def _check(self, part: str, differs: bool) -> None:
        if not differs:
            raise AssertionError(f"{part} is no difference: {self.decision.differs}")


HTML_REPLY = (
    "$IMGAPI_HTML: a JSON reply was expected, got status 200 OK, text/html: "
    "<html><body>Not an IMGAPI</body></html>\n"
)
EMPTY_OBJECT = (
    "manifest is invalid: not JSON: expecting property name enclosed in double quotes "
    "at line 1, column 2"
)
CONF = "/var/imgadm/imgadm.conf"
BASE = "3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0001"
UBUNTU = "7b5981c4-1889-11e6-8cd9-cf4dc1e40004"
NO_SUCH_POOL = (
    "cannot use zpool \"nopool\": cannot open 'nopool': dataset does not exist; "
    "name another with -P, or a directory: -P /a/path, or IMGADM_POOL=/a/path"
)
NO_ORIGIN = f'origin image "{BASE}" does not exist in image source "$IMGAPI_NOORIGIN"'
BAD_STREAM = f"the ZFS stream of image {BASE} cannot be received"
UNPACKING = f"uncompression error while importing image {BASE}"

MACHINE = "f0f0f0f0-0000-4000-8000-000000000001"
UNQUOTED = EMPTY_OBJECT.removeprefix("manifest is invalid: ")
SEND_FAILED = f"""\
zfs send error: exit code 1
    cmd: /usr/sbin/zfs send zones/{MACHINE}@final
    stderr:
        warning: cannot send 'zones/{MACHINE}@final': I/O error"""
INHERITED = f"""\
Inheriting from origin image {BASE} (minimal-64 21.4.0)
Manifest:
    {{
      "v": 2,
      "uuid": "cccccccc-1111-4222-8333-444444444444",
      "name": "myimg",
      "version": "1.0.0",
      "type": "zone-dataset",
      "os": "smartos",
      "requirements": {{
        "min_platform": {{
          "7.0": "20260312T000148Z"
        }},
        "networks": [
          {{
            "name": "net0",
            "description": "public"
          }}
        ]
      }},
      "users": [
        {{
          "name": "root"
        }},
        {{
          "name": "admin"
        }}
      ],
      "generate_passwords": true
    }}
"""


def _no_registry(name: str) -> Difference:
    """The error for an image that is named as in a registry, without a configured registry."""
    return Difference(
        decisions.NO_REGISTRY,
        stderr=f'imgadm import: error (ActiveImageNotFound): an active image "{name}" was not '
        "found in image sources; none of them is a Docker registry: add one with "
        '"imgadm sources -t docker -a <url>", such as https://docker.io\n',
    )


DIFFERENCES: dict[str, Difference] = {
    "import/bad-uuid-ish": _no_registry("notauuid"),
    "import/docker-name-no-docker-source": _no_registry("busybox:latest"),
    "import/P-unknown-pool": Difference(
        decisions.POOL_FIRST,
        stdout=f"""\
Importing {BASE} (minimal-64@21.4.0) from "$IMGAPI"
Gather image {BASE} ancestry
Aborting ({NO_SUCH_POOL})
""",
        stderr=f"imgadm import: error (InternalError): {NO_SUCH_POOL}\n",
        requests=frozenset({f"GET $IMGAPI/images/{BASE}"}),
    ),
    "import/origin-not-in-source": Difference(
        decisions.INTENDED_MESSAGE,
        stderr=f"imgadm import: error (OriginNotFoundInSource): {NO_ORIGIN}\n",
    ),
    "import/E-origin-not-in-source": Difference(
        decisions.INTENDED_MESSAGE,
        stderr=json.dumps(
            {
                "name": "imgadm",
                "req_id": "11111111-2222-4333-8444-555555555555",
                "hostname": "$HOSTNAME",
                "level": 50,
                "err": {
                    "message": NO_ORIGIN,
                    "name": "WError",
                    "code": "OriginNotFoundInSource",
                    "exitStatus": 1,
                },
                "msg": NO_ORIGIN,
                "v": 0,
            }
        )
        + "\n",
    ),
    "import/first-source-down": Difference(
        decisions.FAILED_SOURCE,
        like="import/gzip",
        stderr="imgadm import: warning: $UNREACHABLE: connect ECONNREFUSED\n",
    ),
    "import/predownloaded-good": Difference(decisions.NO_OLD_DOWNLOADS, like="import/gzip"),
    "import/leftover-partial-dataset": Difference(
        decisions.CLEANED_UP,
        like="import/gzip",
        state={("datasets removed", f"zones/{BASE}-partial"): ""},
    ),
    "import/cosmic-ray-download-2nd": Difference(decisions.COSMIC_RAY, like="import/none-chain3"),
    "install/bad-json": Difference(
        decisions.JSON_READER, stderr=f"imgadm install: error (InvalidManifest): {EMPTY_OBJECT}\n"
    ),
    "publish/bad-json": Difference(
        decisions.JSON_READER, stderr=f"imgadm publish: error (InvalidManifest): {EMPTY_OBJECT}\n"
    ),
    "publish/html": Difference(
        decisions.NOT_AN_IMAGE_SERVER,
        stdout="",
        stderr=f"imgadm publish: error (InternalError): {HTML_REPLY}",
        requests=frozenset(
            {"POST $IMGAPI_HTML/images/eeeeeeee-1111-4222-8333-444444444444?action=import"}
        ),
    ),
    "install/corrupt-gzip": Difference(
        decisions.OWN_DECODERS,
        stderr=f"imgadm install: error (UncompressionError): gzip {UNPACKING}: "
        "Error -6 Incorrect checksum found (at byte 14514 of the file)\n",
    ),
    "install/corrupt-xz": Difference(
        decisions.OWN_DECODERS,
        stderr=f"imgadm install: error (UncompressionError): xz {UNPACKING}: "
        "the data is corrupt (at byte 12376 of the file)\n",
    ),
    "install/says-xz-is-raw": Difference(
        decisions.AS_COMPRESSED,
        like="install/says-xz-is-gzip",
        stderr=f"imgadm install: error (UncompressionError): xz {UNPACKING}: expected xz data, "
        "got data in no known compression (at byte 0 of the file)\n",
    ),
    "install/says-xz-is-gzip": Difference(
        decisions.AS_COMPRESSED,
        stderr=f"imgadm install: error (UncompressionError): xz {UNPACKING}: expected xz data, "
        "got gzip data (at byte 0 of the file)\n",
    ),
    "install/gzip-trailing-garbage": Difference(
        decisions.TRAILING_BYTES,
        stderr="imgadm install: warning: ignored 8 bytes after the end of the gzip data\n",
    ),
    "install/not-a-stream": Difference(
        decisions.STREAM_CHECKED,
        stderr=f"imgadm install: error (InvalidStream): {BAD_STREAM}: got something that does not "
        "begin with a BEGIN record, wanted a ZFS send stream, at byte 0 of the stream\n",
    ),
    "install/truncated-stream": Difference(
        decisions.STREAM_CHECKED,
        stderr=f"imgadm install: error (InvalidStream): {BAD_STREAM}: stream ends inside a record "
        "header, wanted an END record, at byte 50000 of the stream\n",
    ),
    "list/wrong-uuid-db-file": Difference(
        decisions.DAMAGED_RECORD,
        exit="0",
        stdout="""\
UUID                                  NAME  VERSION  OS  PUBLISHED
3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0001  -     -        -   -
""",
        stderr='{"name":"imgadm","req_id":"","hostname":"$HOSTNAME","level":40,"msg":"ignoring the '
        'record of image 3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0001: \\"/var/imgadm/images/zones-'
        '3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0001.json\\" is about another image, '
        '\\"deadbeef-0000-4000-8000-00000000dead\\"","v":0}\n',
    ),
    "show/html": Difference(
        decisions.NO_LIST,
        exit="1",
        stdout="",
        stderr=f"imgadm show: error (InternalError): {HTML_REPLY}",
    ),
    "avail/html": Difference(
        decisions.NO_LIST, exit="1", stderr=f"imgadm avail: error (InternalError): {HTML_REPLY}"
    ),
    "avail/s-published-desc": Difference(
        decisions.STABLE_SORT,
        stdout="""\
NAME              OS       SIZE    IMAGE_SIZE
debian-12         linux    12376   -
nginx             smartos  100216  -
base-64           smartos  12269   -
future            smartos  14075   -
minimal-64        smartos  14514   -
ubuntu-22.04-app  linux    30221   10240
ubuntu-22.04      linux    5958    10240
freebsd-13        bsd      5356    8192
alpine-app        linux    12643   -
ws2019std         windows  146128  61440
odd-snap          other    14505   -
past              smartos  14084   -
""",
    ),
    "avail/s-bogus": Difference(
        decisions.STABLE_SORT,
        stdout="""\
NAME              OS       SIZE    IMAGE_SIZE
past              smartos  14084   -
odd-snap          other    14505   -
ws2019std         windows  146128  61440
alpine-app        linux    12643   -
freebsd-13        bsd      5356    8192
ubuntu-22.04      linux    5958    10240
ubuntu-22.04-app  linux    30221   10240
future            smartos  14075   -
minimal-64        smartos  14514   -
base-64           smartos  12269   -
nginx             smartos  100216  -
debian-12         linux    12376   -
""",
    ),
    "avail/s-image_size": Difference(
        decisions.STABLE_SORT,
        stdout="""\
NAME              OS       SIZE    IMAGE_SIZE
past              smartos  14084   -
odd-snap          other    14505   -
alpine-app        linux    12643   -
future            smartos  14075   -
minimal-64        smartos  14514   -
base-64           smartos  12269   -
nginx             smartos  100216  -
debian-12         linux    12376   -
freebsd-13        bsd      5356    8192
ubuntu-22.04      linux    5958    10240
ubuntu-22.04-app  linux    30221   10240
ws2019std         windows  146128  61440
""",
    ),
    "avail/s-empty": Difference(
        decisions.EMPTY_SORT,
        exit="2",
        stderr="imgadm avail: error (Usage): zero-length sort field: \n",
        requests=frozenset(),
    ),
    "avail/filter-substr-bool": Difference(decisions.SUBSTRING_OF_OTHERS, exit="0", stderr=""),
    "avail/two-sources-swapped": Difference(
        decisions.FIRST_SOURCE,
        stdout="""\
UUID                                  NAME              DESCRIPTION                 SOURCE
0f0e0d0c-0b0a-4908-8706-050403020013  past              -                           $IMGAPI
5a5b5c5d-1111-4222-8333-444455550014  odd-snap          -                           $IMGAPI
9a6f3c5e-0d3b-11ec-a1f2-5b2d8c770007  ws2019std         -                           $IMGAPI
e8b2c1d4-5f60-4a7b-8c9d-0e1f2a3b0010  alpine-app        -                           $IMGAPI
c1f6e3b0-2f7a-11ed-9d4c-33f2b7a10006  freebsd-13        -                           $IMGAPI
7b5981c4-1889-11e6-8cd9-cf4dc1e40004  ubuntu-22.04      from subset                 $IMGAPI_SUBSET
7b5981c4-1889-11e6-8cd9-cf4dc1e40005  ubuntu-22.04-app  -                           $IMGAPI
0f0e0d0c-0b0a-4908-8706-050403020012  future            -                           $IMGAPI
3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0001  minimal-64        from subset                 $IMGAPI_SUBSET
3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0002  base-64           Incremental on minimal-64   $IMGAPI
3d0f2a0e-6b9b-4c5d-9a40-5a6f1c1b0003  nginx             -                           $IMGAPI
e8b2c1d4-5f60-4a7b-8c9d-0e1f2a3b0008  debian-12         Container-native Debian 12  $IMGAPI
abcdef01-2345-4678-9abc-def012340099  only-here         -                           $IMGAPI_SUBSET
""",
    ),
    "ancestry/bad-uuid": Difference(
        decisions.UUID_OF_ANCESTRY,
        stderr='imgadm ancestry: error (InvalidUUID): invalid uuid: "notauuid"\n',
    ),
    "vacuum/no-tty": Difference(
        decisions.NO_TERMINAL,
        exit="2",
        stderr="imgadm vacuum: error (Usage): cannot ask whether to go on: there is no terminal; "
        "use -f to go on without being asked, or -n to only see what would be done\n",
    ),
    "vacuum/tty-dry-run-y": Difference(
        decisions.DRY_RUN_ASKS_NOTHING,
        terminal=f"[dry-run] Deleted image {BASE} (minimal-64@21.4.0)\r\n"
        "[dry-run] Deleted image 7b5981c4-1889-11e6-8cd9-cf4dc1e40004 (ubuntu-22.04@20221001)\r\n",
    ),
    "vacuum/no-manifest": Difference(
        decisions.UNKNOWN_NAMES,
        stdout=f"Deleted image {BASE} (-@-)\n",
    ),
    "update/unreachable-two-images": Difference(
        decisions.FAILED_UPDATES,
        stderr="imgadm update: error (ECONNREFUSED): $UNREACHABLE: connect ECONNREFUSED; "
        f"not updated: {BASE}, {UBUNTU}\n",
    ),
    "update/rename-to-final-n": Difference(
        decisions.DRY_RUN_CHANGES_NOTHING,
        state={
            ("datasets added", f"zones/{BASE}@final"): None,
            ("datasets removed", f"zones/{BASE}@other"): None,
        },
    ),
    "update/two-errors": Difference(
        decisions.OTHERS_GO_ON,
        stderr=f"""\
imgadm update: error (MultiError): multiple (2) errors
    error (ImageMissingOriginalSnapshot): image "{BASE}" is missing its original snapshot
    error (ImageMissingOriginalSnapshot): image "{UBUNTU}" is missing its original snapshot
""",
        requests=frozenset({f"GET $IMGAPI/images/{BASE}", f"GET $IMGAPI/images/{UBUNTU}"}),
    ),
    "sources/add-redirect": Difference(
        decisions.REDIRECTS,
        exit="0",
        stdout='Added "imgapi" image source "$IMGAPI_REDIRECT"\n',
        stderr="",
        requests=frozenset({"GET $IMGAPI_REDIRECT/ping", "GET $IMGAPI/ping"}),
        state={
            ("var_imgadm changed", CONF): """\
{
  "dockerImportSkipUuids": true,
  "upgradedToVer": "3.0.0",
  "sources": [
    {
      "type": "imgapi",
      "url": "$IMGAPI"
    },
    {
      "type": "imgapi",
      "url": "$IMGAPI_REDIRECT"
    }
  ]
}"""
        },
    ),
    "sources/add-dsapi-bad-url": Difference(
        decisions.INTENDED_MESSAGE,
        stderr='imgadm sources: error (ConfigError): "dsapi" source URL does not end with '
        '"/datasets": "$IMGAPI_DSAPI"\n',
    ),
    "sources/add-bad-type": Difference(
        decisions.INTENDED_MESSAGE,
        stderr='imgadm sources: error (ConfigError): invalid source type: "bogus"\n',
    ),
    "sources/check-long": Difference(
        decisions.UNSEEN_PING, requests=frozenset({"GET $IMGAPI/ping"})
    ),
    "sources/check-mixed": Difference(
        decisions.UNSEEN_PING, requests=frozenset({"GET $IMGAPI/ping"})
    ),
    "sources/edit-add": Difference(
        decisions.TRUTHFUL_EDIT, stdout='Added "imgapi" image source "$IMGAPI_SUBSET"\n'
    ),
    "sources/edit-add-unreachable-force": Difference(
        decisions.TRUTHFUL_EDIT, stdout='Added "imgapi" image source "$UNREACHABLE" (insecure)\n'
    ),
    "general/conf-bad-json": Difference(
        decisions.WITHOUT_CONFIGURATION,
        exit="0",
        stderr=f'imgadm: warning: config file "{CONF}" is not valid JSON\n',
    ),
    "general/conf-ua-extra-not-string": Difference(
        decisions.WITHOUT_CONFIGURATION,
        exit="0",
        stderr=f'imgadm: warning: "userAgentExtra" in config file "{CONF}" is not a string\n',
    ),
    "create/c-bogus": Difference(
        decisions.ZSTD,
        stderr='imgadm create: error (Usage): invalid -c,--compression "lzma": must be one of '
        '"none", "gzip", "bzip2", "xz", "zstd"\n',
    ),
    "create/o-missing-dir": Difference(
        decisions.DESTINATION_FIRST,
        exit="1",
        stdout=INHERITED,
        stderr='imgadm create: error (ENOENT): cannot write to the directory "nodir": '
        "No such file or directory\n",
        state={("datasets added", f"zones/{MACHINE}@final"): None},
    ),
    "create/m-stdin-bad-json": Difference(
        decisions.JSON_READER,
        stderr=f"imgadm create: error (Usage): invalid manifest JSON on stdin: {UNQUOTED}\n",
    ),
    "create/m-file-bad-json": Difference(
        decisions.JSON_READER,
        stderr=f'imgadm create: error (Usage): invalid manifest JSON in "m.json": {UNQUOTED}\n',
    ),
    "create/s-missing-script": Difference(
        decisions.INTENDED_MESSAGE,
        stderr="imgadm create: error (ENOENT): cannot read the prepare-image script "
        '"nope.sh": No such file or directory\n',
    ),
    "create/existing-final-snapshot": Difference(
        decisions.SNAPSHOT_BACK,
        state={
            ("datasets added", f"zones/{MACHINE}@final-$MS"): None,
            ("datasets removed", f"zones/{MACHINE}@final"): None,
        },
    ),
    "create/send-fails": Difference(
        decisions.QUIET_END_OF_ZFS,
        stderr=f"imgadm create: error (InternalError): {SEND_FAILED}\n",
    ),
    "create/E-send-fails": Difference(
        decisions.QUIET_END_OF_ZFS,
        stderr=json.dumps(
            {
                "name": "imgadm",
                "req_id": "11111111-2222-4333-8444-555555555555",
                "hostname": "$HOSTNAME",
                "level": 50,
                "err": {
                    "message": SEND_FAILED,
                    "name": "WError",
                    "code": "InternalError",
                    "exitStatus": 1,
                },
                "msg": SEND_FAILED,
                "v": 0,
            }
        )
        + "\n",
    ),
}
