"""Creation of images from machines and disks."""
