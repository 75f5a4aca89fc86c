"""A program: runs another, and prints its time and memory as JSON.

It is a process of its own, because Linux counts the memory of the starting process towards the peak
of the program (``setmax_mm_hiwater_rss`` in ``exec_mmap``), and the caller may be large.
"""

import json
import os
import subprocess
import sys

if __name__ == "__main__":
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"status": os.waitstatus_to_exitcode(status), "peak_bytes": peak}))
