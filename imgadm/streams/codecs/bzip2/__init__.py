"""bzip2."""
