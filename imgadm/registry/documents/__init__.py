"""The documents of a registry: manifests, indexes and configurations."""
