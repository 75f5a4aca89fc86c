"""The engine that runs a pipeline: stages, the links between them, buffers, and the end."""
