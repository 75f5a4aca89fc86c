"""What holds for all tests: how fast a machine is decides nothing, and one imgadm is tested."""

import os

import hypothesis

from tests.python_path import PYTHON_PATH

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# For the programs that tests start, wherever they do: no directory of theirs comes before these.
os.environ["PYTHONPATH"] = PYTHON_PATH
os.environ["PYTHONSAFEPATH"] = "1"
