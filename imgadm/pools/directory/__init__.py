"""Directories as pools of images."""
