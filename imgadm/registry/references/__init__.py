"""How images in registries are named."""
