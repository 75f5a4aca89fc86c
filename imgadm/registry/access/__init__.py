"""How a registry is reached, and who we are to it."""
