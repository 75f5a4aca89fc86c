"""The codec of Zstandard (RFC 8878)."""
