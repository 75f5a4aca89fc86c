"""The disks of virtual machines, read from files in any format."""
