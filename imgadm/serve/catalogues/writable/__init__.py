"""A folder of pairs that clients can change over HTTP."""
