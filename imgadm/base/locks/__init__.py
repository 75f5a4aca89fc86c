"""Locks between processes and threads, and the files that they are taken on."""
