"""HTTP: connections, requests and replies."""
