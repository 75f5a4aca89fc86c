"""The codec of gzip (RFC 1952)."""
