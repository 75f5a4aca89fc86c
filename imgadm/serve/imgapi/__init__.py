"""IMGAPI: the requests of clients and the replies to them."""
