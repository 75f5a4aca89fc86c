"""Scripts that complete the command line in shells.

``python -m imgadm.cli.reference.completions bash|zsh|fish`` prints it.

Commands and options come from the declarations. The scripts look UUIDs up when the operator presses
Tab: of installed images on this host, of others in the configured sources. Each module makes the
script of one shell.
"""
