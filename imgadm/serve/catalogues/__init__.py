"""The catalogues of images that a server can offer."""
