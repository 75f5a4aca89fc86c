"""What is measured with: disks, streams and images that look like those of operators."""
