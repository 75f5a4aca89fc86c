"""Installation of images from local files."""
