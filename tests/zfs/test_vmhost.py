"""The stand-in for vmadm keeps what it promises, or what is tested with it proves nothing."""

from __future__ import annotations

from .vm_host import DISK_IMAGE, ZONE_IMAGE, VmHost

ZONE, KVM, BHYVE = (f"ffffffff-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
ZONE_SCRIPT = """#!/bin/sh
mdata-put state running
echo "$(mdata-get greeting), $(cat /etc/motd)" >/etc/motd
mdata-put report "$(cat /etc/motd)"
mdata-put lines <<'EOF'
one
two
EOF
mdata-delete greeting
mdata-get greeting; mdata-put missing $?
mdata-put sdc:uuid x 2>/dev/null; mdata-put refused $?
poweroff
"""
DISK_SCRIPT = """#!/bin/sh
printf written | dd of=$DISK0 bs=7 seek=1 conv=notrunc,fsync status=none
mdata-put state "$(mdata-get sdc:uuid)"
"""


def wait_for(host: VmHost, uuid: str, text: str) -> None:
    host.sh(f"until vmadm get {uuid} | grep -q '{text}'; do sleep 0.3; done")


def test_machines_live_on_real_datasets(machines: VmHost) -> None:
    host = machines
    host.create_vms(
        {"brand": "joyent", "uuid": ZONE, "customer_metadata": {"greeting": "hello"}},
        {"brand": "kvm", "uuid": KVM},
        {"brand": "bhyve", "uuid": BHYVE, "alias": "b"},
    )
    listed = host.sh("zfs list -Hp -r -t filesystem,volume -o name,origin zones")
    assert dict(line.split("\t") for line in listed.splitlines()) == {
        "zones": "-",
        f"zones/{ZONE_IMAGE}": "-",
        f"zones/{DISK_IMAGE}": "-",
        f"zones/{ZONE}": f"zones/{ZONE_IMAGE}@final",
        f"zones/{KVM}": "-",
        f"zones/{KVM}-disk0": f"zones/{DISK_IMAGE}@final",
        f"zones/{BHYVE}": "-",
        f"zones/{BHYVE}/disk0": f"zones/{DISK_IMAGE}@final",
    }
    before = host.picture()
    assert host.sh("vmadm lookup brand=bhyve alias=b; vmadm list -H -o uuid,state,autoboot") == (
        f"{BHYVE}\n" + "".join(f"{uuid}  stopped           False\n" for uuid in (ZONE, KVM, BHYVE))
    )

    snapshot = " ".join(f"zones/{name}@before" for name in (ZONE, BHYVE, f"{BHYVE}/disk0"))
    host.sh(f"zfs snapshot {snapshot}")
    for uuid, script in ((ZONE, ZONE_SCRIPT), (BHYVE, DISK_SCRIPT)):
        update = {"set_internal_metadata": {"operator-script": script}}
        host.update_vm(uuid, update)
        assert host.run_sh("vmadm", "start", uuid) == (0, "", f"Successfully started VM {uuid}\n")
    wait_for(host, ZONE, '"state": "stopped"')
    after = host.get_vm(ZONE)
    assert after["customer_metadata"] == {
        "state": "running",
        "report": "hello, base",
        "lines": "one\ntwo\n",
        "missing": "1",
        "refused": "2",
    }
    assert after["autoboot"] is True
    assert host.sh(f"cat /zones/{ZONE}/root/var/svc/mdata-operator-script") == ZONE_SCRIPT

    wait_for(host, BHYVE, f'"state": "{BHYVE}"')
    assert host.get_vm(BHYVE)["state"] == "running"
    assert host.run_sh("vmadm", "stop", "-F", BHYVE)[0] == 0
    stopped = host.run_sh("vmadm", "stop", BHYVE)
    assert stopped == (0, "", f"VM {BHYVE} is already not 'running' (currently: stopped)\n")
    assert host.get_vm(BHYVE)["state"] == "stopped"

    host.sh(f"for name in {snapshot}; do zfs rollback -r $name && zfs destroy $name || exit; done")
    host.update_vm(ZONE, {"autoboot": False})
    assert host.picture() == before

    unknown = host.run_sh("vmadm", "get", ZONE_IMAGE)
    assert unknown == (1, "", f"No such zone configured: {ZONE_IMAGE}\n")
    assert host.run_sh("vmadm", "frobnicate")[0] == 2
    host.sh("\n".join(f"vmadm delete {uuid} &" for uuid in (ZONE, KVM, BHYVE)) + "\nwait")
    assert host.sh("zfs list -Hr -t all -o name zones").split() == [
        "zones",
        f"zones/{ZONE_IMAGE}",
        f"zones/{ZONE_IMAGE}@final",
        f"zones/{DISK_IMAGE}",
        f"zones/{DISK_IMAGE}@final",
    ]
