"""The work of the commands, as data in and data out; nothing here prints or reads a terminal."""
