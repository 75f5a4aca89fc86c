"""gzip (RFC 1952)."""
