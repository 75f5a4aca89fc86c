"""Programs of the host: how they are run, and what they say about the host."""
