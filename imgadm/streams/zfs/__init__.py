"""The reading and writing of ZFS send streams without ZFS."""
