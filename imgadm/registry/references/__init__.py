"""The names of images, registries, platforms, digests and media types."""
