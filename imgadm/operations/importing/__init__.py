"""Import of images and of what they are based on."""
