"""IMGAPI: which request gets which reply."""
