"""Serving images, and managing sources."""
