"""Zstandard (RFC 8878)."""
