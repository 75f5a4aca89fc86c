"""Print the completion script for the shell that the argument names."""

import sys
from importlib import import_module

shell = sys.argv[1]
first = "#compdef imgadm\n" if shell == "zsh" else ""
print(f"{first}# Completion of imgadm in {shell}, made by python -m imgadm.cli.completions.\n")
print(import_module(f"imgadm.cli.completions.{shell}").script(), end="")
