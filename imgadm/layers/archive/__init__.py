"""The reader of a layer's archive, entry by entry."""
