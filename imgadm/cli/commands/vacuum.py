"""``imgadm vacuum``: remove the installed images that nothing uses."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example, Section
from imgadm.cli.options import Option, OptionKind
from imgadm.cli.shared_options import HELP, NO_WAIT, POOL

_DRY_RUN = Option(("-n", "--dry-run"), "Only print what would be deleted, and ask nothing.")
_FORCE = Option(("-f", "--force"), "Delete without asking.")
_AGE = Option(
    ("-t",),
    "Keep images that were installed less than that long ago: a number of s, m, h, d or w, as in "
    "2d.",
    kind=OptionKind.TEXT,
    placeholder="<age>",
)
_EXCLUDED = Option(
    ("-x",),
    "Keep this image, and what it is based on. May be given more than once.",
    kind=OptionKind.TEXTS,
    placeholder="<uuid>",
)
_RECORDS = Option(
    ("--records",),
    "Also remove records of images that are no longer on their zpool, since something else than "
    "imgadm has destroyed them.",
)
_USED = Section(
    "What counts as used",
    "An image that anything is cloned from: a machine, a disk, whatever its\n"
    "name; one that another image is based on, unless that goes as well; and one\n"
    "that is marked imgadm:ignore.\n"
    "\n"
    "Also, what may be no image, or more than one: a dataset with others below\n"
    "it, or with neither a record nor a snapshot @final; a directory without a\n"
    "record, or with other files in it. Nobody can tell whether a machine runs\n"
    "from a disk in a directory pool: keep such images with -x.",
)

COMMAND = Command(
    name="vacuum",
    summary="Delete installed images that nothing uses",
    synopses=("vacuum [<options>]",),
    description="Delete all images on this host that nothing uses, after a question on the "
    "terminal. Each is looked at once more just before it is deleted.",
    options=(HELP, _DRY_RUN, _FORCE, _AGE, _EXCLUDED, _RECORDS, POOL, NO_WAIT),
    sections=(_USED,),
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example("imgadm vacuum -n", "What would go?"),
        Example(
            "imgadm vacuum -f -t 2w -x 01b2c898-945f-11e1-a523-af1afbe22822",
            "Every night: what nothing uses, if two weeks old, but for one image",
        ),
    ),
)
