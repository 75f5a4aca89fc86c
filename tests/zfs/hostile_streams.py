"""Streams that carry whatever a stream can carry, as a real OpenZFS sent them.

    python -m tests.zfs.hostile_streams

makes them anew, in the guest, which takes minutes; so they are kept.
"""

from __future__ import annotations

import lzma
import re
import shlex
import struct
from functools import cache
from pathlib import Path

from tests.stands.zfsvm import Machine, Session, create_pool

KEPT = Path(__file__).parents[1] / "data" / "hostile-streams"

PLANTED = "/etc/cron.d"
"""Where file systems of these streams want to be mounted."""

USER_PROPERTIES = {
    "imgadm:ignore": "true",
    "org.example:x": "several\nlines\tand\x1b[31m colours",
}

#: Where the usage of ``zfs`` tells a kind of value, or the values are no good for a test; and what
#: somebody wants who wants to be mounted, and run.
_VALUES = {
    "canmount": ["on"],
    "setuid": ["on"],
    "devices": ["on"],
    "exec": ["on"],
    "overlay": ["on"],
    "mountpoint": [PLANTED],
    "recordsize": ["8K"],
    "special_small_blocks": ["4K"],
    "sharenfs": ["on"],
    "sharesmb": ["on"],
    "version": [],
    "volsize": [],
    "zoned": [],
    "checksum": ["sha256"],
    "compression": ["zle"],
    "dedup": ["verify"],
    "<size>": ["48M", "1M"],
    "<count>": ["7"],
}

_MAKE = f"""
set -e
zfs create zones/evil
cp $OUT/whoami /zones/evil/whoami && chmod 4755 /zones/evil/whoami
mknod -m 666 /zones/evil/zero c 1 5
echo '* * * * * root touch /planted' >/zones/evil/job
zfs create -V 8M zones/disk
zfs snapshot zones/evil@final zones/disk@final
zfs send zones/evil@final >$OUT/plain
zfs send zones/disk@final >$OUT/disk-plain
zfs unmount zones/evil
for dataset in evil disk; do
    {{settings}}
done
for dataset in evil disk; do
    zfs set {{user}} zones/$dataset@final
    zfs clone zones/$dataset@final zones/$dataset-clone
done
zfs unmount zones/evil-clone
for dataset in evil disk; do
    zfs get -s local -Hp -o property,value all zones/$dataset >$OUT/$dataset.properties
    while IFS=$(printf '\\t') read property value; do
        case $property in mountpoint|*:*|volsize) continue ;; esac
        zfs set "$property=$value" zones/$dataset-clone 2>/dev/null || true
    done <$OUT/$dataset.properties
    zfs set {{user}} zones/$dataset-clone
    zfs snapshot zones/$dataset-clone@final
done
zfs set mountpoint={PLANTED} zones/evil-clone 2>/dev/null || true
zfs unmount zones/evil-clone 2>/dev/null || true
zfs set zoned=on zones/evil
zfs hold kept zones/evil@final zones/disk@final
zfs send -p zones/evil@final >$OUT/props
zfs send -Rh zones/evil@final >$OUT/replica
zfs send -p -i zones/evil@final zones/evil-clone@final >$OUT/props-clone
zfs send -p zones/disk@final >$OUT/disk-props
zfs send -Rh zones/disk@final >$OUT/disk-replica
zfs send -p -i zones/disk@final zones/disk-clone@final >$OUT/disk-props-clone
zfs release kept zones/evil@final zones/disk@final
"""

_MAKE_OTHERS = """
set -e
zfs create zones/tree
zfs create zones/tree/below
zfs snapshot -r zones/tree@final
zfs send -R zones/tree@final >$OUT/nested
zfs snapshot zones/tree/below@second
zfs send -R zones/tree/below@second >$OUT/several
echo 12345678 >$OUT/pass
zfs create -o encryption=on -o keyformat=passphrase -o keylocation=file://$OUT/pass zones/secret
zfs snapshot zones/secret@final
zfs send -w zones/secret@final >$OUT/raw
zfs send -w -p zones/secret@final >$OUT/raw-props
zfs create zones/whole && echo secret >/zones/whole/file && zfs snapshot zones/whole@final
zfs clone zones/whole@final zones/censored && rm /zones/censored/file
zfs snapshot zones/censored@final
zfs redact zones/whole@final book zones/censored@final
zfs send --redact book zones/whole@final >$OUT/redacted
head -c 4M /dev/urandom >/zones/whole/more && zfs snapshot zones/whole@larger
zfs send zones/whole@larger | head -c 2M | zfs receive -s zones/part || true
token=$(zfs get -H -o value receive_resume_token zones/part)
zfs send -t $token | head -c 4096 >$OUT/resumed
zfs destroy -R zones/whole
zfs destroy -r zones/part
zfs destroy -r zones/tree
zfs destroy -r zones/secret
"""

_CLEAN = """
zfs set zoned=off zones/evil
zfs destroy -R zones/evil
zfs destroy -R zones/disk
"""


def settings(usage: str) -> list[tuple[str, list[str]]]:
    """The properties that can be set, says the usage of ``zfs``, and values to try for each."""
    found = []
    for name, values in re.findall(r"^\t(\w+) +YES +(?:YES|NO) +(.*)$", usage, re.MULTILINE):
        kind = values.split()[0]
        candidates = _VALUES.get(name, _VALUES.get(kind))
        if candidates is None:
            candidates = [value for value in values.split(" | ")[::-1] if value.isalnum()]
        if candidates:
            found.append((name, candidates))
    return found


def whoami() -> bytes:
    """A program for Linux on x86-64 that ends with the effective user ID as its status."""
    base, header = 0x400000, 64 + 56
    code = bytes.fromhex("b86b000000 0f05 89c7 b83c000000 0f05")  # exit(geteuid())
    size = header + len(code)
    return (
        b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
        + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + header, 64, 0, 0, 64, 56, 1, 0, 0, 0)
        + struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 4096)
        + code
    )


@cache
def hostile_stream(name: str) -> bytes:
    """One of those that are kept."""
    return lzma.decompress((KEPT / f"{name}.xz").read_bytes())


def make_streams(vm: Session) -> dict[str, bytes]:
    """All of them by name, and the properties that they have; their datasets are gone."""
    out = vm.exchange / "hostile"
    out.mkdir()
    (out / "whoami").write_bytes(whoami())
    usage = vm.run("zfs get").stderr
    tries = [
        f"for value in {shlex.join(values)}; do zfs set {name}=$value zones/$dataset 2>/dev/null "
        "&& break; done || true"
        for name, values in settings(usage)
    ]
    user = shlex.join(f"{name}={value}" for name, value in USER_PROPERTIES.items())
    tries.append(f"zfs set {user} zones/$dataset")
    script = _MAKE.format(settings="\n    ".join(tries), user=user)
    for text in (script, _CLEAN, _MAKE_OTHERS):
        vm.check(f"OUT={out}\n{text}", timeout=280)
    return {path.name: path.read_bytes() for path in out.iterdir()}


def main() -> None:
    KEPT.mkdir(exist_ok=True)
    with Machine() as vm:
        create_pool(vm)
        for name, content in make_streams(vm).items():
            if name not in ("whoami", "pass"):
                (KEPT / f"{name}.xz").write_bytes(lzma.compress(content, preset=9))


if __name__ == "__main__":
    main()
