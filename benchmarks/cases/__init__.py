"""What is measured: imports, compression, disks, lists, start-up, memory."""
