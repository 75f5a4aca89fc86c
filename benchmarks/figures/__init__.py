"""The results: figures, goals, tables, and the history of past runs."""
