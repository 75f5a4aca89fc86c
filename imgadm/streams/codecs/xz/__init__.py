"""The codec of xz."""
