"""Help, manual page and shell completions, made from what the commands declare."""
