"""Programs that a measurement starts."""
