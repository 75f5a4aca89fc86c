"""A stand-in for the VM host that SmartOS is: ``vmadm`` over real ZFS datasets, for tests.

Put ``bin/`` at the front of PATH, on a Linux with ZFS, as root. The page
docs/contributing/testing-creation.md says what it proves.

VMHOST_ROOT is where it keeps what SmartOS keeps in /etc/zones, default /var/vmhost::

    vms/UUID.json       a machine, without its metadata
    run/UUID/           of a machine that runs, or did: lock, requests, console.log
    locks/UUID          of its metadata

Metadata lies where SmartOS has it, in ``config/metadata.json`` of the machine's zone dataset:
snapshots and rollbacks of that dataset take it along.

These modules import as little as possible, because each ``vmadm get`` starts Python.
"""
