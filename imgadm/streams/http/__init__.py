"""HTTP as the first or the last stage of a pipeline: downloads and uploads."""
