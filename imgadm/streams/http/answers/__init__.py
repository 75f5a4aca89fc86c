"""Answers of HTTP servers: the head, the pace, the content codings and the body."""
