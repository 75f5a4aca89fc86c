"""The material of measurements: disks, streams and images that look like those of operators."""
