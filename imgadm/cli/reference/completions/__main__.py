"""Print the completion script for the shell that the argument names."""

import sys
from importlib import import_module

shell = sys.argv[1]
first = "#compdef imgadm\n" if shell == "zsh" else ""
print(f"{first}# Completion of imgadm in {shell}, made by python -m {__package__}.\n")
print(import_module(f"{__package__}.{shell}").script(), end="")
