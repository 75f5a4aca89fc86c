"""Programs of the host: started, read within bounds, and asked what host this is."""
