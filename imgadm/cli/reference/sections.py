"""The longer sections of help texts."""

from __future__ import annotations

from imgadm.cli.command import Section

MACHINE_SECTION = Section(
    "Machines",
    "The machine must be stopped, and prepared for being copied: without host\n"
    "keys, logs and the like. Of a joyent, joyent-minimal, builder or lx machine\n"
    "its file system becomes the image, of a kvm or bhyve machine its first disk.\n"
    "\n"
    "With -s the machine may run. It is shut down, given a snapshot, and booted\n"
    "with the script, which runs inside and has to\n"
    "\n"
    "    mdata-put prepare-image:state running\n"
    "    prepare the machine, and if that works\n"
    "    mdata-put prepare-image:state success\n"
    "    or else mdata-put prepare-image:error REASON\n"
    "        and mdata-put prepare-image:state error\n"
    "    shut the machine down,\n"
    "\n"
    "each within five minutes. The machine then goes back to its snapshot, and is\n"
    "started again if it ran: also after a failure and Ctrl-C. What a killed run\n"
    "left is put right by the next create of the same machine: do not use the\n"
    "machine in between.",
)

DISK_SECTION = Section(
    "Disks",
    "With --disk no machine, no ZFS and no right of an administrator is needed.\n"
    "The file is only read; holes and blocks of zeros are left out. A disk that\n"
    "is not raw must be all in one file, and whole: one with a backing file or\n"
    "a parent is refused. Give --format raw with a raw disk that others could\n"
    "write to, such as a machine's: it may look like another format. The image\n"
    "is of type zvol, and needs name, version and os; nic_driver, disk_driver and\n"
    "cpu_type are virtio, virtio and host unless given.\n"
    "\n"
    "-i with origin=UUID takes only what differs from the disk of that image,\n"
    "which must be installed in a directory pool (-P). The new image can be\n"
    "installed where that one is: in a directory pool, or a zpool.",
)

CREATED_FIELDS_SECTION = Section(
    "Manifest fields",
    "A new image needs a name and a version. Its type, os, requirements and other\n"
    "properties of its disk are those of the image that the machine was made\n"
    "from, unless they are given. FIELD=VALUE wins over the file that -m names.\n"
    "The value is JSON, if it can be, and else the text itself; fields that are\n"
    "strings, such as version, take any text as it is.\n"
    "\n"
    "Images of joyent machines require this platform or a later one, unless\n"
    'another is given; the empty requirements={"min_platform":{}} asks for none.',
)

LISTED_FIELDS_SECTION = Section(
    "Fields",
    "The fields of a manifest (uuid, name, version, os, type, state, ...) and:\n"
    "\n"
    "published, pub    publication time to the second, and the day alone\n"
    "size              bytes of the image file\n"
    "source            URL of the source that the image is from",
)

FILTER_SECTION = Section(
    "Filters",
    "name=base-64                 the field is exactly that\n"
    "name=~base                   the text contains that, or the array has it\n"
    "disabled=true                the boolean, not the text\n"
    "files.0.compression=gzip     dots lead into objects and arrays\n"
    "\n"
    "All filters must match.",
)
