"""Programs as stages."""
