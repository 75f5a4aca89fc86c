"""Benchmarks of imgadm next to the programs that do the same jobs without it.

``scripts/bench`` runs everything and prints one table; ``pytest benchmarks`` times the parts.
:mod:`benchmarks.cases.shapes` has what is timed, :mod:`benchmarks.figures.goals` the goals.
"""
