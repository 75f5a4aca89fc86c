"""A zpool as a pool."""
