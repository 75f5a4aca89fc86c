"""What this host keeps: its configuration, and what is recorded of installed images."""
