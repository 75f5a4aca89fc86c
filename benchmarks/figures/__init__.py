"""What comes out: figures, goals, tables, and the history of past runs."""
