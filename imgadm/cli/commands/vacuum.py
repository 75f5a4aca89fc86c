"""The declaration of ``imgadm vacuum``."""

from __future__ import annotations

from imgadm.cli.command import Command, ConfigurationUse, Example, Section
from imgadm.cli.options import Option, OptionKind
from imgadm.cli.shared_options import HELP, NO_WAIT, POOL

_DRY_RUN = Option(
    ("-n", "--dry-run"), "Print what would be deleted, without asking, and delete nothing."
)
_FORCE = Option(("-f", "--force"), "Delete without asking.")
_AGE = Option(
    ("-t",),
    "Keep images that were installed less than <age> ago: a number with s, m, h, d or w, as in "
    "2d for two days.",
    kind=OptionKind.TEXT,
    placeholder="<age>",
)
_EXCLUDED = Option(
    ("-x",),
    "Keep this image and the images that it is based on. May be given several times.",
    kind=OptionKind.TEXTS,
    placeholder="<uuid>",
)
_RECORDS = Option(
    ("--records",),
    "Also remove the records of images whose datasets another program than imgadm has destroyed.",
)
_USED = Section(
    "What counts as used",
    """\
An image is used if a machine, a disk or any other dataset is cloned from it,
if another image that is kept is based on it, or if it is marked
imgadm:ignore.

Doubtful cases are kept, too: a dataset with other datasets below it, or with
neither a record nor a snapshot @final; a directory without a record, or with
other files in it. imgadm cannot tell whether a machine runs from a disk in a
directory pool. Keep such images with -x.""",
)

COMMAND = Command(
    name="vacuum",
    summary="Delete installed images that nothing uses",
    synopses=("vacuum [<options>]",),
    description="List all images on this host that nothing uses, ask for confirmation on the "
    "terminal, and delete them. Just before each deletion, imgadm checks again that nothing uses "
    "the image.",
    options=(HELP, _DRY_RUN, _FORCE, _AGE, _EXCLUDED, _RECORDS, POOL, NO_WAIT),
    sections=(_USED,),
    configuration=ConfigurationUse.OPTIONAL,
    examples=(
        Example("imgadm vacuum -n", "Which images would be deleted?"),
        Example(
            "imgadm vacuum -f -t 2w -x 01b2c898-945f-11e1-a523-af1afbe22822",
            "Nightly: delete unused images after two weeks, except one",
        ),
    ),
)
