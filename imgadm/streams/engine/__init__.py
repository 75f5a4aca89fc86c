"""What runs a pipeline: stages, the links between them, buffers, and how it ends."""
