"""Programs as the first and the last stage of a pipeline."""
