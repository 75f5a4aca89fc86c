"""ZFS send streams without ZFS."""
