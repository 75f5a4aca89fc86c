"""Differences that are decisions: each rule turns a recorded outcome into the one that we want.

Rules hold for all cases at once; what is peculiar to one case is in differences.py. All of them are
applied, in the order in which they stand here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha1

from . import decisions, fixtures, made_up, tables
from .cases import Case
from .decisions import Decision
from .inside import GUID, SUFFIXES
from .outcome import Outcome
from .terminal import SUMMARY

Change = Callable[[Case, Outcome], Outcome]

USAGE_ERROR = re.compile(r"error \((?:Usage|Option|UnknownCommand)\): ")
USAGE_RECORD = re.compile(r'"code":"(?:Usage|Option|UnknownCommand)"')
REPEATED_CAUSE = re.compile(r"; caused by [^\n]*(?:\n    [^\n]*)*")
PROGRESS = re.compile(r"(Downloaded|Imported) image ([0-9a-f-]{36})")
BAR = re.compile(r"\x1b\[1G\x1b\[0J \x1b\[1G\.\.\.[^\n]*\n")
INSTALLED_LINE = re.compile(r"((?:Imported|Installed) image [^\r\n]*\r\n)")
RECORDED_TIME = re.compile(r"2026-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")


@dataclass(frozen=True)
class Rule:
    """A decision, and the ``change`` that it makes to a recorded outcome."""

    decision: Decision
    change: Change


RULES: list[Rule] = []


def rule(decision: Decision) -> Callable[[Change], Change]:
    def register(change: Change) -> Change:
        RULES.append(Rule(decision, change))
        return change

    return register


@rule(decisions.TIMES_OF_THE_RUN)
def name_times_of_the_run(case: Case, outcome: Outcome) -> Outcome:
    state = {
        key: RECORDED_TIME.sub("$NOW", content) if isinstance(content, str) else content
        for key, content in outcome.state.items()
    }
    return replace(outcome, state=state)


@rule(decisions.MADE_UP)
def name_what_is_made_up(case: Case, outcome: Outcome) -> Outcome:
    state = {
        (what, made_up.named(case, path)): made_up.named(case, content)
        if isinstance(content, str)
        else content
        for (what, path), content in outcome.state.items()
    }
    return replace(outcome, stdout=made_up.named(case, outcome.stdout), state=state)


@rule(decisions.USAGE_STATUS)
def usage_errors_exit_2(case: Case, outcome: Outcome) -> Outcome:
    usage = USAGE_ERROR.search(outcome.stderr) or USAGE_RECORD.search(outcome.stderr)
    return replace(outcome, exit="2") if usage else outcome


@rule(decisions.DEFAULT_COLUMNS)
def default_columns(case: Case, outcome: Outcome) -> Outcome:
    other_form = any(word.startswith(("-o", "-j", "-Hj", "--json")) for word in case.argv)
    if case.command not in ("list", "avail") or other_form or not outcome.stdout:
        return outcome
    return replace(outcome, stdout=tables.with_our_columns(outcome.stdout, case))


@rule(decisions.ONE_PASS)
def no_downloads(case: Case, outcome: Outcome) -> Outcome:
    state = {key: value for key, value in outcome.state.items() if "downloads" not in key[0]}
    return replace(outcome, state=state)


@rule(decisions.ONE_AT_A_TIME)
def one_image_at_a_time(case: Case, outcome: Outcome) -> Outcome:
    if case.command != "import":
        return outcome
    lines = outcome.stdout.splitlines(keepends=True)
    fetched: dict[str, str] = {}
    ordered: list[str] = []
    for line in lines:
        match = PROGRESS.match(line)
        if match is None:
            ordered.append(line)
        elif match[1] == "Downloaded":
            fetched[match[2]] = line
        else:
            ordered += [fetched.pop(match[2]), line]
    return outcome if fetched else replace(outcome, stdout="".join(ordered))


@rule(decisions.INSTALLED_ORIGINS)
def no_requests_for_installed_origins(case: Case, outcome: Outcome) -> Outcome:
    installed = tuple(
        f"/images/{uuid}" for step in case.setup for uuid in step.get("installed", ())
    )
    if case.command != "import" or not installed:
        return outcome
    requests = {request for request in outcome.requests if not request.endswith(installed)}
    return replace(outcome, requests=frozenset(requests))


@rule(decisions.VALIDATED_FIRST)
def invalid_manifests_are_not_announced(case: Case, outcome: Outcome) -> Outcome:
    invalid = case.command == "install" and "error (ManifestValidation)" in outcome.stderr
    return replace(outcome, stdout="") if invalid else outcome


@rule(decisions.BARS)
def bars_go_and_summaries_stay(case: Case, outcome: Outcome) -> Outcome:
    if case.command not in ("import", "install") or "-q" in case.argv:
        return outcome
    lines = BAR.sub("", outcome.terminal)
    return replace(outcome, terminal=INSTALLED_LINE.sub(rf"\1{SUMMARY}\r\n", lines))


@rule(decisions.NO_RECORD_OF_FAILURES)
def no_record_of_failures(case: Case, outcome: Outcome) -> Outcome:
    if case.command not in ("import", "install") or outcome.exit == "0":
        return outcome
    state = {key: value for key, value in outcome.state.items() if key[0] != "var_imgadm added"}
    return replace(outcome, state=state)


@rule(decisions.ONE_CAUSE)
def cause_of_a_failed_check_once(case: Case, outcome: Outcome) -> Outcome:
    if case.command != "sources":
        return outcome
    return replace(outcome, stdout=REPEATED_CAUSE.sub("", outcome.stdout))


@rule(decisions.DATASET_GUID)
def new_manifests_tell_the_guid(case: Case, outcome: Outcome) -> Outcome:
    if case.command != "create" or outcome.exit != "0":
        return outcome
    return replace(outcome, state={key: _with_guid(it) for key, it in outcome.state.items()})


def _with_guid(content: object) -> object:
    if not isinstance(content, str):
        return content
    return re.sub(r'("sha1": "[0-9a-f]{40}")\n', rf'\1,\n      "dataset_guid": "{GUID}"\n', content)


@rule(decisions.OTHER_COMPRESSED_BYTES)
def new_files_are_compressed_otherwise(case: Case, outcome: Outcome) -> Outcome:
    files = {path: file for (_, path), file in outcome.state.items() if path.endswith(SUFFIXES)}
    if case.command != "create" or not files:
        return outcome
    stream = next(step["origin"] for step in case.setup if "recorder:send" in step.get("props", {}))
    content = fixtures.images()[stream.partition("@")[0].rpartition("/")[2]].stream
    inside = {"size": len(content), "sha1": sha1(content).hexdigest()}
    state = dict(outcome.state)
    for (what, path), file in outcome.state.items():
        if path in files:
            state[what, path] = {"inside": inside}
        elif path.endswith(".imgmanifest"):
            for recorded in files.values():
                for name, value in inside.items():
                    file = file.replace(json.dumps(recorded[name]), json.dumps(value))
            state[what, path] = file
    return replace(outcome, state=state)


@rule(decisions.WHOLE_FILE_NAMES)
def files_are_called_by_their_names(case: Case, outcome: Outcome) -> Outcome:
    if case.command != "create":
        return outcome
    names = [path.rpartition("/")[2] for _, path in outcome.state if path.endswith(SUFFIXES)]
    stdout = outcome.stdout
    for name in names:
        stdout = stdout.replace(f'"{name.rpartition(".")[0]}"', f'"{name}"')
    return replace(outcome, stdout=stdout)


@rule(decisions.TEXT_VERSIONS)
def versions_stay_text(case: Case, outcome: Outcome) -> Outcome:
    if case.command != "create":
        return outcome

    def quoted(text: object) -> object:
        return (
            re.sub(r'("version": )([0-9.]+),', r'\1"\2",', text) if isinstance(text, str) else text
        )

    state = {key: quoted(content) for key, content in outcome.state.items()}
    return replace(outcome, stdout=str(quoted(outcome.stdout)), state=state)


@rule(decisions.SIZE_OF_THE_DISK)
def disks_have_the_size_of_the_machine(case: Case, outcome: Outcome) -> Outcome:
    disks = [disk for step in case.setup for disk in step.get("vm", {}).get("disks", ())]
    if case.command != "create" or not disks:
        return outcome

    def resized(text: object) -> object:
        size = rf'"image_size": {disks[0]["size"]}'
        return re.sub(r'"image_size": [0-9]+', size, text) if isinstance(text, str) else text

    state = {key: resized(content) for key, content in outcome.state.items()}
    return replace(outcome, stdout=str(resized(outcome.stdout)), state=state)


TEMPORARY_FILE = re.compile(r"/var/tmp/\.imgadm-create-\$MS-\$PID\.[a-z.]+")


@rule(decisions.PUBLISHED_IN_ONE_PASS)
def published_in_one_pass(case: Case, outcome: Outcome) -> Outcome:
    if case.command != "create" or "-p" not in case.argv:
        return outcome
    lines = [line for line in outcome.stdout.splitlines(True) if "Saving manifest" not in line]
    snapshot = f"zones/{case.argv[1]}@final"
    text = "".join(lines).replace('Sending image file to "/', 'Sending image file to "$IMGAPI"/')
    text = re.sub(r'"\$IMGAPI"[^"]*"', '"$IMGAPI"', text)
    requests = {
        re.sub("sha1=[0-9a-f]+", "dataset_guid=$GUID", request) for request in outcome.requests
    }
    requests |= {
        request.removesuffix("?action=import").replace("POST ", "GET ")
        for request in requests
        if request.endswith("?action=import")
    }
    return replace(outcome, stdout=TEMPORARY_FILE.sub(snapshot, text), requests=frozenset(requests))


@rule(decisions.STATUS_IN_RECORDS)
def exit_status_in_records(case: Case, outcome: Outcome) -> Outcome:
    lines = [_with_exit_status(line, outcome.exit) for line in outcome.stderr.split("\n")]
    return replace(outcome, stderr="\n".join(lines))


def _with_exit_status(line: str, status: str) -> str:
    if not line.startswith('{"name":'):
        return line
    record = json.loads(line)
    if record.get("err"):
        record["err"]["exitStatus"] = int(status)
    return json.dumps(record)
