"""Scripts that complete the command line in shells.

``python -m imgadm.cli.reference.completions bash|zsh|fish`` prints the script.

Commands and options come from the declarations. When the operator presses Tab, the scripts look up
UUIDs: of installed images on this host, of other images in the configured sources. Each module
makes the script of one shell.
"""
