"""How fast images are imported, next to how fast the same could be done without imgadm.

``scripts/bench`` runs everything and prints one table; ``pytest benchmarks`` times the parts.
Read :mod:`benchmarks.shapes` for what is timed, :mod:`benchmarks.goals` for what it has to reach.
"""
