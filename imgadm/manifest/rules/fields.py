"""The fields of a manifest, each with its rule, in the order in which violations are reported.

A rule gets the value of a field, of any JSON type, and yields its violations. The meanings and
limits are those of the IMGAPI manifest, version 2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from imgadm.manifest.rules import composites, scalars
from imgadm.manifest.rules.violations import Rule

TYPES = ("zone-dataset", "zvol", "lx-dataset", "docker", "other")
SYSTEMS = ("smartos", "linux", "windows", "bsd", "illumos", "other")

NAME = re.compile(r"[A-Za-z0-9._/ -]+")
VERSION = re.compile(r"[A-Za-z0-9._/+-]+")

RULES: Mapping[str, Rule] = {
    "v": scalars.format_version,
    "uuid": scalars.uuid,
    "urn": scalars.string,
    "owner": scalars.uuid,
    "name": scalars.text(1024, NAME, '" ", ".", "-", "_" and "/"'),
    "version": scalars.text(512, VERSION, '".", "-", "_" and "/"'),
    "description": scalars.text(10_240),
    "homepage": scalars.web_page("homepage"),
    "eula": scalars.web_page("EULA"),
    "disabled": scalars.boolean,
    "activated": scalars.boolean,
    "published_at": scalars.published_at,
    "state": scalars.state,
    "public": scalars.public,
    "type": scalars.one_of(TYPES),
    "os": scalars.one_of(SYSTEMS),
    "origin": scalars.uuid,
    "error": composites.error,
    "files": composites.files,
    "icon": scalars.boolean,
    "acl": composites.acl,
    "requirements": composites.requirements,
    "users": composites.users,
    "billing_tags": composites.billing_tags,
    "traits": composites.traits,
    "tags": composites.tags,
    "generate_passwords": scalars.boolean,
    "inherited_directories": composites.inherited_directories,
    "nic_driver": scalars.zvol_string,
    "disk_driver": scalars.zvol_string,
    "cpu_type": scalars.zvol_string,
    "image_size": scalars.image_size,
    "channels": composites.channels,
}

ZVOL_FIELDS = ("nic_driver", "disk_driver", "cpu_type", "image_size")
"""The fields that only images of type ``zvol`` have."""

TEXT_FIELDS = frozenset(
    {
        "uuid",
        "urn",
        "owner",
        "name",
        "version",
        "description",
        "homepage",
        "eula",
        "published_at",
        "state",
        "type",
        "os",
        "origin",
        "nic_driver",
        "disk_driver",
        "cpu_type",
    }
)
"""The fields whose value is a string, even if it looks like a number or a boolean."""
