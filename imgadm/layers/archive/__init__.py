"""The archive of a layer, read entry by entry."""
