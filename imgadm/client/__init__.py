"""Requests to image servers and registries: sessions, trust, proxies, limits, failures."""
