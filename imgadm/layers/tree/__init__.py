"""The tree that layers are unpacked into."""
