"""What is served: folders and pools of images."""
