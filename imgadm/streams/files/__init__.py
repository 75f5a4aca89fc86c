"""Files as stages."""
