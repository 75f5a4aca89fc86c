"""The state of this host: its configuration, and the records of installed images."""
