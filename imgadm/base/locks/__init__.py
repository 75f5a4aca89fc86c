"""Locks between processes, and the files that they are taken on."""
