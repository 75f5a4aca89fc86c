"""No compression."""
