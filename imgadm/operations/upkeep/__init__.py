"""The upkeep of installed images and of the state: updates, deletions, and upgrades."""
