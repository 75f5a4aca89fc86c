"""HTTP requests to image servers and registries: sessions, trust, proxies and limits."""
