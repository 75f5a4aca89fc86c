"""Where the programs that tests start find imgadm, and these tests.

The imgadm that runs the tests comes first: in a clean checkout that is the installed one, for the
checkout has no extension module.
"""

from __future__ import annotations

import os
from pathlib import Path

import imgadm

TREE = Path(__file__).parents[1]
PACKAGES = Path(imgadm.__file__).resolve().parents[1]
PYTHON_PATH = os.pathsep.join(map(str, dict.fromkeys((PACKAGES, TREE))))
