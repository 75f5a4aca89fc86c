"""What the commands do, as data in and data out; nothing here prints or reads a terminal."""
