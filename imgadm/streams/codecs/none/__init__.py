"""The decoder of uncompressed data."""
