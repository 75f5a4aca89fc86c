"""Disks in files, in the formats of virtual machines."""
