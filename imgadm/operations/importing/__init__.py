"""Import of images, and of the images that they are based on."""
