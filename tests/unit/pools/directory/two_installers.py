"""Installs one image twice at once, by processes with lock directories of their own.

For each line ``SEED`` of its input this program forks two installers, kills those that still run
at moments that the seed decides, and prints how many ended well.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from imgadm.base.errors import ImgadmError
from imgadm.base.locks.command_locks import Locks
from imgadm.operations.importing.import_steps import ImportOptions
from imgadm.operations.installing.install_image import install_image
from imgadm.pools.directory.pool import DirectoryPool

LONGEST = 0.4


def install(host: int, pool: Path, manifest: Path, file: Path) -> int:
    options = ImportOptions(Locks(pool.with_name(f"locks-{host}"), f"host {host}"))
    try:
        install_image(DirectoryPool(pool), manifest, file, options, lambda event: None)
    except ImgadmError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def start(host: int, *paths: Path) -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(install(host, *paths))
    return pid


def race(seed: int, *paths: Path) -> int:
    """Return how many of two installers ended well."""
    dice = random.Random(seed)
    kills = sorted(dice.uniform(0, LONGEST) for _ in range(dice.choice([0, 1, 1, 2])))
    began = time.monotonic()
    running = [start(0, *paths)]
    time.sleep(dice.uniform(0, LONGEST / 4))
    running.append(start(1, *paths))
    for victim, moment in zip(dice.sample(running, len(kills)), kills, strict=True):
        time.sleep(max(0.0, began + moment - time.monotonic()))
        os.kill(victim, signal.SIGKILL)
    return sum(os.waitpid(pid, 0)[1] == 0 for pid in running)


if __name__ == "__main__":
    places = [Path(argument) for argument in sys.argv[1:]]
    for line in sys.stdin:
        print(race(int(line), *places), flush=True)
