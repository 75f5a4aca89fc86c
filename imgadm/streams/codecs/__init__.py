"""Checksum and compression stages, and the codec of each compression."""
