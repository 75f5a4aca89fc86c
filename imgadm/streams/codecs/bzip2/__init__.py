"""The codec of bzip2."""
