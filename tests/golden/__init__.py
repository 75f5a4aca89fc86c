"""Replays recorded runs of the original imgadm against ours; README.md says how."""
