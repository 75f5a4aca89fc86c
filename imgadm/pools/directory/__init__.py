"""A directory as a pool."""
