"""Files: how they are made, replaced, opened and kept."""
