"""Streams that carry whatever a stream can carry, made by the real ``zfs`` in the guest."""

from __future__ import annotations

import re
import shlex

from tests.zfsvm import Session

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
cp /usr/bin/id /zones/evil/id && chmod 4755 /zones/evil/id
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
zfs set mountpoint={PLANTED} zones/evil-clone
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
zfs snapshot zones/tree@second
zfs send -I @final zones/tree@second >$OUT/several
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
zfs send -t $token >$OUT/resumed
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


def make_streams(vm: Session) -> dict[str, bytes]:
    """All of them by name; their datasets are gone, and what they were sent from is, too."""
    out = vm.exchange / "hostile"
    out.mkdir()
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
