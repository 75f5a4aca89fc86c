"""Help texts, manual page and shell completions, made from the declarations of the commands."""
