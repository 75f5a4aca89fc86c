"""The tree that layers are unpacked into, and the changes that an entry makes to it."""
