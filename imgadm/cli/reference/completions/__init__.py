"""Completion of the command line in shells.

``python -m imgadm.cli.reference.completions bash|zsh|fish`` prints it.

Commands and options are those that are declared. UUIDs are looked up when Tab is pressed: installed
ones on this host, others from the configured sources. One module makes the script of one shell.
"""
