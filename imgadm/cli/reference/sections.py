"""The longer sections of help texts."""

from __future__ import annotations

from imgadm.cli.command import Section

MACHINE_SECTION = Section(
    "Machines",
    """\
The machine must be stopped, and must not contain host keys, logs and other
files that copies should not share. The image has the file system of a joyent,
joyent-minimal, builder or lx machine, or the first disk of a kvm or bhyve
machine.

With -s the machine may be running. imgadm shuts it down, makes a snapshot, and
boots it with the script. The script runs inside the machine and has to

    mdata-put prepare-image:state running
    prepare the machine, and if that works
    mdata-put prepare-image:state success
    or else mdata-put prepare-image:error REASON
        and mdata-put prepare-image:state error
    shut the machine down,

each within five minutes. Then imgadm rolls the machine back to its snapshot,
and starts it if it was running. It does so after a failure and after Ctrl-C,
too. If imgadm itself is killed, the next create of the same machine restores
it. Do not use the machine before that.""",
)

DISK_SECTION = Section(
    "Disks",
    """\
--disk needs neither a machine nor ZFS nor the rights of an administrator.
imgadm only reads the disk, and leaves out holes and blocks of zeros. A disk
that is not raw must be complete in one file, without a backing file or a
parent. Give --format raw for a raw disk that a machine could write to: the
machine could make it look like another format. The image has the type zvol,
and needs name, version and os. The defaults of nic_driver, disk_driver and
cpu_type are virtio, virtio and host.

-i with origin=UUID stores only the differences from the disk of that image,
which must be installed in a directory pool (-P). The new image can be
installed in any directory pool or zpool that has the origin.""",
)

CREATED_FIELDS_SECTION = Section(
    "Manifest fields",
    """\
A new image needs a name and a version. Without other values, its type, os,
requirements and properties of its disk are those of the image that the
machine was made from. FIELD=VALUE has precedence over the file of -m. A
value that is valid JSON is taken as JSON, any other as a string. Fields that
are strings, such as version, take every value as a string.

Images of joyent machines require the platform of this host or a later one.
Give min_platform to change that: requirements={"min_platform":{}} requires no
platform.""",
)

LISTED_FIELDS_SECTION = Section(
    "Fields",
    """\
All fields of manifests (uuid, name, version, os, type, state, ...), and:

published, pub    time of publication; day of publication
size              size of the image file in bytes
source            URL of the source of the image""",
)

FILTER_SECTION = Section(
    "Filters",
    """\
name=base-64                 the field equals the value
name=~base                   a text contains the value, or a list has it
disabled=true                true and false match booleans
files.0.compression=gzip     a path with dots leads into objects and lists

An image is listed if all filters match.""",
)
