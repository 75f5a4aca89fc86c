"""HTTP servers that play the recorded source and its misbehaving relatives."""
