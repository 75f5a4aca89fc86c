"""Files: their creation, replacement, opening and caching."""
