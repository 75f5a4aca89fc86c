"""``vmadm``: the commands that imgadm and tests give, with the original's words and exit statuses.

As there, messages go to stderr; 1 is the status of errors, 2 that of wrong usage.
"""

from __future__ import annotations

import json
import sys

from . import machines
from .machines import METADATA, Record, VmadmError

WIDTHS = {"uuid": 36, "type": 4, "ram": 7, "state": 16, "alias": 10}
SNAPSHOT = "vmsnap-"


def main() -> None:
    name, *words = sys.argv[1:] or [""]
    command = COMMANDS.get(name)
    if command is None:
        _misused(f'Invalid command: "{name}".')
    try:
        done = command(words)
    except VmadmError as error:
        sys.exit(str(error))
    if done:
        print(done, file=sys.stderr)


def _misused(message: str) -> None:
    print(f"{message}\nUsage: vmadm <command> [options]", file=sys.stderr)
    sys.exit(2)


def _get(words: list[str]) -> None:
    _print(machines.shown(_machine(words, "get")))


def _list(words: list[str]) -> None:
    options, filters = _options(words, flags="Hp", valued="o")
    fields = (options.get("o") or "uuid,type,ram,state,alias").split(",")
    rows = [[str(machine.get(field, "-")) for field in fields] for machine in _matching(filters)]
    if "H" not in options and "p" not in options:
        rows.insert(0, [field.upper() for field in fields])
    for row in rows:
        if "p" in options:
            print(":".join(row))
        else:
            widths = [WIDTHS.get(field, 20) for field in fields]
            print("  ".join(map(str.ljust, row, widths)).rstrip())


def _lookup(words: list[str]) -> None:
    options, filters = _options(words, flags="j1")
    found = _matching(filters)
    if "1" in options and len(found) != 1:
        raise VmadmError(f"Requested unique lookup but found {len(found)} results.")
    if "j" in options:
        _print(found)
    else:
        print("".join(f"{machine['uuid']}\n" for machine in found), end="")


def _matching(filters: list[str]) -> list[Record]:
    wanted = dict(item.split("=", 1) for item in filters)
    shown = [machines.shown(record) | {"type": _type(record)} for record in machines.every()]
    return [
        machine
        for machine in shown
        if all(str(machine.get(key)) == value for key, value in wanted.items())
    ]


def _type(record: Record) -> str:
    return {"kvm": "KVM", "bhyve": "BHYV", "lx": "LX"}.get(record["brand"], "OS")


def _create(words: list[str]) -> str:
    from . import datasets
    from .new_machine import new_record

    payload = _payload()
    record = new_record(payload)
    datasets.create(record)
    machines.save(record)
    with machines.ChangingMetadata(record) as content:
        for kind in METADATA:
            content[kind] = payload.get(kind, {})
    if record["autoboot"]:
        _boot(record)
    return f"Successfully created VM {record['uuid']}"


def _update(words: list[str]) -> str:
    record = _machine(words, "update")
    payload = dict(word.split("=", 1) for word in words[1:]) or _payload()
    changes = [key for key in payload if key.partition("_")[2] in METADATA]
    if changes:
        with machines.ChangingMetadata(record) as content:
            for change in changes:
                verb, _, kind = change.partition("_")
                if verb == "set":
                    content[kind] |= payload.pop(change)
                else:
                    for key in payload.pop(change):
                        content[kind].pop(key, None)
    if "autoboot" in payload:
        record["autoboot"] = payload.pop("autoboot") in (True, "true")
    if "alias" in payload:
        record["alias"] = payload.pop("alias")
    if payload:
        raise VmadmError(f"Cannot update: {', '.join(payload)}")
    machines.save(record)
    return f"Successfully updated VM {record['uuid']}"


def _start(words: list[str]) -> str:
    record = _machine(words, "start")
    if machines.state(record["uuid"]) == "running":
        return f"VM {record['uuid']} is already 'running'"
    _boot(record)
    return f"Successfully started VM {record['uuid']}"


def _boot(record: Record) -> None:
    from . import running

    machines.save(record | {"autoboot": True})
    running.start(record)


def _stop(words: list[str]) -> str:
    words = [word for word in words if word != "-F"]
    record = _machine(words, "stop")
    machines.save(record | {"autoboot": False})
    if machines.state(record["uuid"]) != "running":
        return f"VM {record['uuid']} is already not 'running' (currently: stopped)"
    _halt(record)
    return f"Successfully completed stop for VM {record['uuid']}"


def _halt(record: Record) -> None:
    from . import running

    if machines.state(record["uuid"]) == "running":
        running.halt(record)


def _delete(words: list[str]) -> str:
    from . import datasets

    record = _machine(words, "delete")
    _halt(record)
    datasets.destroy(record)
    machines.forget(record["uuid"])
    return f"Successfully deleted VM {record['uuid']}"


def _create_snapshot(words: list[str]) -> str:
    from . import datasets

    record, name = _machine(words, "create-snapshot"), _snapshot_name(words)
    datasets.snapshot(record, SNAPSHOT + name)
    return f"Created snapshot {name} for VM {record['uuid']}"


def _rollback_snapshot(words: list[str]) -> str:
    from . import datasets

    record, name = _machine(words, "rollback-snapshot"), _snapshot_name(words)
    was = machines.state(record["uuid"])
    _halt(record)
    datasets.rollback(record, SNAPSHOT + name)
    if was == "running":
        _boot(record)
    return f"Rolled back snapshot {name} for VM {record['uuid']}"


def _delete_snapshot(words: list[str]) -> str:
    from . import datasets

    record, name = _machine(words, "delete-snapshot"), _snapshot_name(words)
    datasets.destroy_snapshot(record, SNAPSHOT + name)
    return f"Deleted snapshot {name} for VM {record['uuid']}"


def _snapshot_name(words: list[str]) -> str:
    if len(words) != 2:
        _misused("Wrong number of parameters to a snapshot command")
    return words[1]


def _machine(words: list[str], command: str) -> Record:
    if not words or len(words[0]) != 36:
        _misused(f"Invalid or missing UUID for {command}")
    return machines.load(words[0])


def _payload() -> Record:
    try:
        return json.load(sys.stdin)
    except ValueError as error:
        raise VmadmError(f"Invalid JSON payload: {error}") from None


def _options(words: list[str], *, flags: str, valued: str = "") -> tuple[Record, list[str]]:
    """Options by their letters, and the operands, among which they may stand."""
    options: Record = {}
    operands = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            operands.append(word)
        elif word[1:] in valued:
            options[word[1:]] = next(rest, "")
        else:
            for letter in word[1:]:
                if letter not in flags:
                    _misused(f"Invalid option: {word}")
                options[letter] = True
    return options, operands


def _print(value: object) -> None:
    print(json.dumps(value, indent=2))


COMMANDS = {
    "get": _get,
    "json": _get,
    "list": _list,
    "lookup": _lookup,
    "create": _create,
    "update": _update,
    "start": _start,
    "boot": _start,
    "stop": _stop,
    "halt": _stop,
    "delete": _delete,
    "destroy": _delete,
    "create-snapshot": _create_snapshot,
    "rollback-snapshot": _rollback_snapshot,
    "delete-snapshot": _delete_snapshot,
}
