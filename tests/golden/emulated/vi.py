# Builtin open(): pathlib takes longer to import than these programs run.
"""``vi FILE``: keeps a copy of the text it was given, then edits it with a line of shell."""

import os
import subprocess
import sys

from .host_file import locked, record_call


def main(host_file):
    record_call(host_file, "vi")
    path = sys.argv[-1]
    with locked(host_file) as host, open(path, encoding="utf-8") as file:
        host.setdefault("editor_texts", []).append(file.read())
        keystrokes = host["keystrokes"]
    environment = {**os.environ, "F": path}
    raise SystemExit(subprocess.call(["/bin/sh", "-c", keystrokes], env=environment))
