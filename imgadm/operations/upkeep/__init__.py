"""Updates, deletions, and the upgrade of old state."""
