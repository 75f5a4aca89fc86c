"""The measurements: imports, compression, disks, lists, start-up, memory."""
