"""What holds for all tests: how fast a machine is decides nothing, and one imgadm is tested."""

import os
import signal

import hypothesis

from tests.python_path import PYTHON_PATH

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# For the programs that tests start, wherever they do: no directory of theirs comes before these.
os.environ["PYTHONPATH"] = PYTHON_PATH
os.environ["PYTHONSAFEPATH"] = "1"

# Where the tests run in the background, Ctrl-C is ignored, and would be in all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # as under nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
