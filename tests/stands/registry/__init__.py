"""Real Docker registries on this machine, and images to fill them with."""
