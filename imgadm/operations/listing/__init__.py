"""Lists of images, installed ones and those of sources; their fields and filters."""
