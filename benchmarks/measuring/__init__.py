"""The measuring: in rounds, next to the programs of the host."""
