"""How it is measured: in rounds, next to the programs of the host."""
