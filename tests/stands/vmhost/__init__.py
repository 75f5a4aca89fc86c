"""A stand-in for the VM host that SmartOS is: ``vmadm`` over real ZFS datasets, for tests.

Put ``bin/`` at the front of PATH, on a Linux with ZFS, as root. What it proves and what not is in
docs/contributing/testing-creation.md.

VMHOST_ROOT is where it keeps what SmartOS keeps in /etc/zones, default /var/vmhost::

    vms/UUID.json       a machine, without its metadata
    run/UUID/           of a machine that runs, or did: lock, requests, console.log
    locks/UUID          of its metadata

Metadata lies where SmartOS has it, in ``config/metadata.json`` of the machine's zone dataset:
snapshots and rollbacks of that dataset take it along.

Nothing here is imported that is not needed: each ``vmadm get`` is a start of Python.
"""
