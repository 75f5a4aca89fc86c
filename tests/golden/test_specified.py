"""The examples of the specification that no recorded run has: queries of one host full of images.

Where ours is meant to differ, the rules of ``rules.py`` say why: the default columns of ``list``,
fields that stay out of manifests, twelve digits of the id of a layer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import specified as spec
from .cases import Case
from .outcome import Outcome
from .run import run
from .sources.server import Sources

NOTHING = Outcome("0", "", "", "", {}, frozenset(), "")


@pytest.fixture(scope="module")
def sources() -> Iterator[Sources]:
    with Sources() as running:
        yield running


def outcome(words: str, directory: Path, sources: Sources, *more: dict[str, Any]) -> Outcome:
    """What comes of ``imgadm WORDS`` on the host of the examples, after ``more`` steps."""
    setup = (*spec.HOST, *more)
    case = Case(words, "", setup, tuple(words.split()), {}, "true", "", False, NOTHING, (), ())
    return run(case, directory, sources)


TABLES = {
    "list": """\
UUID                                  NAME          VERSION       OS       PUBLISHED
01b2c898-945f-11e1-a523-af1afbe22822  -             -             -        -
7970c690-1738-4e58-a04f-8ce4ea8ebfca  -             -             -        -
0764d78e-3472-11e5-8949-4f31abea4e05  minimal-32    15.2.0        smartos  2015-07-27T15:13:57Z
f0000000-0000-0000-0000-000000000001  docker-layer  8ddc19f16526  linux    2016-10-07T21:03:58Z
f0000000-0000-0000-0000-000000000002  docker-layer  a3ed95caeb02  linux    2016-10-07T21:03:58Z
eeeeeeee-1111-4111-8111-000000000001  chain         1.1.0         smartos  2020-01-01T00:00:00Z
eeeeeeee-1111-4111-8111-000000000002  chain         1.2.0         smartos  2020-01-02T00:00:00Z
eeeeeeee-1111-4111-8111-000000000003  chain         1.3.0         smartos  2020-01-03T00:00:00Z
""",
    "list -o uuid,name,type,pub name=~l os=linux": """\
UUID                                  NAME          TYPE    PUB
f0000000-0000-0000-0000-000000000001  docker-layer  docker  2016-10-07
f0000000-0000-0000-0000-000000000002  docker-layer  docker  2016-10-07
""",
    "list -H -o uuid,clones,size,source -s -clones,uuid": """\
0764d78e-3472-11e5-8949-4f31abea4e05  1       37882880  https://images.smartos.org
7970c690-1738-4e58-a04f-8ce4ea8ebfca  1       -         -
eeeeeeee-1111-4111-8111-000000000001  1       -         -
eeeeeeee-1111-4111-8111-000000000002  1       -         -
f0000000-0000-0000-0000-000000000001  1       -         https://docker.io
01b2c898-945f-11e1-a523-af1afbe22822  0       -         -
eeeeeeee-1111-4111-8111-000000000003  0       -         -
f0000000-0000-0000-0000-000000000002  0       -         https://docker.io
""",
    "list -o uuid,tags os=smartos name=minimal-32": """\
UUID                                  TAGS
0764d78e-3472-11e5-8949-4f31abea4e05  {"role":"os"}
""",
    "list name=~cha -o version": "VERSION\n1.1.0\n1.2.0\n1.3.0\n",
    "list files.0.compression=gzip -Ho uuid": f"{spec.MINIMAL}\n",
    "list --docker": """\
UUID                                  REPOSITORY  TAG     IMAGE_ID      CREATED
f0000000-0000-0000-0000-000000000002  busybox     latest  a3ed95caeb02  2016-10-07T21:03:58Z
f0000000-0000-0000-0000-000000000002  busybox     1.25    a3ed95caeb02  2016-10-07T21:03:58Z
""",
    "list type=docker -o uuid,docker_short_id,docker_tags": """\
UUID                                  DOCKER_SHORT_ID  DOCKER_TAGS
f0000000-0000-0000-0000-000000000001  8ddc19f16526     []
f0000000-0000-0000-0000-000000000002  a3ed95caeb02     ["latest","1.25"]
""",
}


@pytest.mark.parametrize("words", TABLES)
def test_tables(words: str, tmp_path: Path, sources: Sources) -> None:
    got = outcome(words, tmp_path, sources)
    assert got.stdout == TABLES[words]
    assert (got.exit, got.stderr, got.state) == ("0", "", {})


DOCUMENTS: dict[str, Any] = {
    "list -j name=minimal-32": [
        {
            "manifest": spec.MINIMAL_MANIFEST,
            "zpool": "zones",
            "source": "https://images.smartos.org",
            "cloneNames": [f"zones/{spec.ZONE}"],
            "clones": 1,
        }
    ],
    f"get {spec.CHAIN[1]}": {"manifest": spec.chain_manifest(2), "zpool": "zones"},
    f"get {spec.NOT_FINAL}": {"manifest": {"uuid": spec.NOT_FINAL}, "zpool": "zones"},
    f"get -r {spec.MINIMAL}": {
        "manifest": spec.MINIMAL_MANIFEST,
        "zpool": "zones",
        "source": "https://images.smartos.org",
        "children": {
            "snapshots": [f"zones/{spec.MINIMAL}@final"],
            "clones": [f"zones/{spec.ZONE}"],
        },
    },
}


@pytest.mark.parametrize("words", DOCUMENTS)
def test_documents(words: str, tmp_path: Path, sources: Sources) -> None:
    got = outcome(words, tmp_path, sources)
    assert got.stdout == json.dumps(DOCUMENTS[words], indent=2) + "\n"
    assert (got.exit, got.stderr, got.state) == ("0", "", {})


def test_a_property_that_makes_no_sense_is_named(tmp_path: Path, sources: Sources) -> None:
    odd = {"dataset": f"zones/{spec.IGNORED}", "set": {"imgadm:ignore": "maybe"}}
    got = outcome("list -H -o uuid name=chain", tmp_path, sources, odd)
    assert got.stdout.split() == spec.CHAIN
    assert json.loads(got.stderr)["msg"] == (
        f'dataset zones/{spec.IGNORED}: TypeError: invalid value for "imgadm:ignore" zfs property: '
        '"maybe"'
    )
    assert got.exit == "0"
