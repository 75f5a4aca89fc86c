"""The demonstration behind ``scripts/demo``: one image, served, imported, listed and compared."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from imgadm import _native, streams

try:
    from isal import igzip as fast_gzip
except ImportError:  # there is no isal for this processor
    import gzip as fast_gzip

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLE = REPOSITORY / "tests" / "data" / "zfs-streams" / "zvol-full.zsend.xz"
WORKSHOP = REPOSITORY / ".cache" / "demo"
IMAGES = WORKSHOP / "images"
ORIGINAL = WORKSHOP / "original.raw"
STATE = WORKSHOP / "state"
POOL = WORKSHOP / "pool"
PROGRAM = Path(sys.executable).with_name("imgadm")

UUID = "7b1d0e6e-52f4-4c5b-9f0a-6d3b8e0c41aa"
MIB = 1 << 20
DISK_BYTES = 1024 * MIB
DATA_BYTES = 512 * MIB
BLOCK_BYTES = 8192


def main() -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        return demonstrate()
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        return 130
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


class DemoError(Exception):
    """What did not go as it should."""


def demonstrate() -> int:
    title("1. A sample image")
    if not is_made():
        print("   Making it, once ...", flush=True)
        make_image()
    file = image_file()
    print(
        f"   A volume of {DISK_BYTES // MIB} MiB, {DATA_BYTES // MIB} MiB of it the blocks of a "
        f"real ext4 disk,\n   as a ZFS send stream of {file.stat().st_size // MIB} MiB (gzip)."
    )
    for leftover in (POOL, STATE):
        shutil.rmtree(leftover, ignore_errors=True)
    POOL.mkdir()

    title("2. Serve it on this machine, as an image server does")
    with served() as url:
        title("3. Import it: fetched, checked, decompressed and received in one pass")
        imgadm("import", "-S", url, UUID)

    title("4. It is installed")
    imgadm("list", "-o", "uuid,name,version,os,type,size")

    title("5. The disk is byte for byte the original")
    disk = POOL / UUID / "disk.raw"
    compare(ORIGINAL, disk)

    title("What to type next")
    print(
        NEXT_STEPS.format(
            activate=". " + shlex.quote(shown(PROGRAM.with_name("activate"))), pool=shown(POOL)
        )
    )
    return 0


NEXT_STEPS = """\
   {activate:<51}# puts imgadm on the PATH
   imgadm avail os=linux type=zvol -s -published_at   # what images.smartos.org offers
   imgadm import UUID                                 # one of them, into the default pool
   imgadm import -P ~/images UUID                     # or into a directory: ~/images/UUID/disk.raw
   qemu-system-x86_64 -m 2048 -nographic -snapshot \\
       -drive file=$HOME/images/UUID/disk.raw,format=raw,if=virtio   # boot it
   imgadm help                                        # everything else

   The sample stays in {pool} until the next demo."""


def is_made() -> bool:
    return (IMAGES / "sample.imgmanifest").exists()


def image_file() -> Path:
    return IMAGES / "sample.zvol.gz"


def make_image() -> None:
    """Make original disk, image file and manifest; the manifest is last, and says it is done."""
    shutil.rmtree(WORKSHOP, ignore_errors=True)
    IMAGES.mkdir(parents=True)
    seed = WORKSHOP / "seed.raw"
    streams.run(streams.read_file(SAMPLE), streams.decompress("xz"), streams.to_raw_disk(seed))
    grow(seed)
    seed.unlink()
    file = image_file()
    with ORIGINAL.open("rb") as disk, fast_gzip.open(file, "wb", compresslevel=1) as packed:
        writer = _native.VolumeStreamWriter(
            disk.fileno(),
            size=DISK_BYTES,
            block_size=BLOCK_BYTES,
            guid=0x5A4D504C45,
            creation_time=1735689600,
            name="zones/sample@final",
        )
        buffer = bytearray(MIB)
        while count := writer.readinto(buffer):
            packed.write(memoryview(buffer)[:count])
    with file.open("rb") as content:
        sha1 = hashlib.file_digest(content, "sha1").hexdigest()
    manifest = {
        "v": 2,
        "uuid": UUID,
        "owner": "00000000-0000-0000-0000-000000000000",
        "name": "sample-volume",
        "version": "1.0.0",
        "state": "active",
        "disabled": False,
        "public": True,
        "published_at": "2025-01-01T00:00:00.000Z",
        "type": "zvol",
        "os": "linux",
        "image_size": DISK_BYTES // MIB,
        "nic_driver": "virtio",
        "disk_driver": "virtio",
        "cpu_type": "host",
        "description": "The blocks of a small ext4 volume, over and over.",
        "files": [{"sha1": sha1, "size": file.stat().st_size, "compression": "gzip"}],
    }
    (IMAGES / "sample.imgmanifest").write_text(json.dumps(manifest, indent=2) + "\n")


def grow(seed: Path) -> None:
    """Write the blocks of ``seed`` that hold data again and again, up to DATA_BYTES."""
    disk = seed.read_bytes()
    zeros = bytes(BLOCK_BYTES)
    blocks = (disk[at : at + BLOCK_BYTES] for at in range(0, len(disk), BLOCK_BYTES))
    data = b"".join(block for block in blocks if block != zeros)
    with ORIGINAL.open("wb") as original:
        for position in range(0, DATA_BYTES, len(data)):
            original.write(data[: DATA_BYTES - position])
        original.truncate(DISK_BYTES)


@contextlib.contextmanager
def served() -> Iterator[str]:
    """Serve the sample with the real command while the block runs; gives the server's URL."""
    words = ("serve", "--listen", "127.0.0.1:0", IMAGES)
    show_command(*words)
    log = WORKSHOP / "serve.log"
    with (
        log.open("wb") as messages,
        subprocess.Popen(
            [PROGRAM, *words],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,
            text=True,
        ) as server,
    ):
        try:
            assert server.stdout is not None
            greeting = server.stdout.readline().strip()
            url = greeting.rpartition(" ")[2]
            if not url.startswith("http://"):
                raise DemoError(f"the server did not start: {greeting or log.read_text().strip()}")
            print(f"   {greeting}")
            yield url
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def imgadm(*words: str | Path) -> None:
    """Run the real command on this terminal."""
    show_command(*words)
    done = subprocess.run([PROGRAM, *words], env=environment(), stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise DemoError(f"imgadm {words[0]} failed with exit status {done.returncode}")


def compare(*disks: Path) -> None:
    """Hash the disks with the host's program, or with Python where it has none, and compare."""
    print(f"   {bold('$ sha256sum ' + ' '.join(shlex.quote(shown(disk)) for disk in disks))}")
    digests = [sha256(disk) for disk in disks]
    for disk, digest in zip(disks, digests, strict=True):
        print(f"   {digest}  {shown(disk)}", flush=True)
    if len(set(digests)) != 1:
        raise DemoError("the disks differ")
    allocated = disks[-1].stat().st_blocks * 512
    size = disks[-1].stat().st_size
    print(f"   The same. It takes {allocated // MIB} MiB of {size // MIB}: holes stay holes.")


def sha256(path: Path) -> str:
    if shutil.which("sha256sum") is None:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    done = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True)
    return done.stdout.split()[0].removeprefix("\\")


def environment() -> dict[str, str]:
    """The environment of the commands: their state and their pool are the demo's own."""
    return {**os.environ, "IMGADM_ROOT": str(STATE), "IMGADM_POOL": str(POOL)}


def title(text: str) -> None:
    print(f"\n{bold(text)}", flush=True)


def show_command(*words: str | Path) -> None:
    text = " ".join(shlex.quote(shown(w) if isinstance(w, Path) else w) for w in words)
    print(f"   {bold('$ imgadm ' + text)}", flush=True)


def shown(path: Path) -> str:
    """A path as it is shortest from where the user is."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def bold(text: str) -> str:
    plain = not sys.stdout.isatty() or "NO_COLOR" in os.environ
    return text if plain else f"\033[1m{text}\033[0m"


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
