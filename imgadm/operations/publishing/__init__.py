"""Publication of images to a server."""
