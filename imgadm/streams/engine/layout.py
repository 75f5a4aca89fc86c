"""The places of stages in a pipeline and in its branches, and which stages may stand where."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from imgadm._native import Meter
from imgadm.streams.engine.report import Gauge, Report
from imgadm.streams.engine.stage import Stage
from imgadm.streams.errors import MisuseError

_claiming = threading.Lock()


@dataclass
class Place:
    """One stage in its pipeline. Stages are known by their indexes in the list of all places.

    ``upstream`` is the stage that this one reads from, and ``downstream`` the next one of the same
    pipeline. ``branches`` has the first stage of each further pipeline that this stage feeds.
    ``report`` is that of its own pipeline or branch.
    """

    stage: Stage
    gauge: Gauge
    report: Report
    upstream: int | None
    downstream: int | None = None
    branches: list[int] = field(default_factory=list)


def lay_out(stages: Sequence[Stage]) -> list[Place]:
    """Return the places of a pipeline, each stage followed by its branches, then by the next stage.

    The report of the first place is that of the whole pipeline. The stages count as used from then
    on. Raises MisuseError if they make no pipeline, or if one of them has been used before.
    """
    check_pipeline(stages)
    _claim(stages)
    places: list[Place] = []
    _lay_out(stages, places, None)
    return places


def check_pipeline(stages: Sequence[object]) -> None:
    """Raise MisuseError unless ``stages`` are a source, any number of filters, and a sink."""
    if len(stages) < 2:
        raise MisuseError(
            f"a pipeline has a source and a sink at least, got {_counted(len(stages))}", got=stages
        )
    _check_roles(stages, ["source", *["filter"] * (len(stages) - 2), "sink"])


def check_branch(stages: Sequence[object]) -> None:
    """Raise MisuseError unless ``stages`` are any number of filters and a sink."""
    if not stages:
        raise MisuseError("a branch has a sink at least, got no stage", got=stages)
    _check_roles(stages, [*["filter"] * (len(stages) - 1), "sink"])


def _check_roles(stages: Sequence[object], wanted: Sequence[str]) -> None:
    for position, (stage, role) in enumerate(zip(stages, wanted, strict=True), 1):
        if not isinstance(stage, Stage):
            raise MisuseError(
                f"number {position} of the stages is {stage!r}, expected a Stage", got=stage
            )
        if stage.role not in ("source", "filter", "sink"):
            raise MisuseError(
                f'"{stage.name}" has the role {stage.role!r}, '
                'expected "source", "filter" or "sink"',
                stage=stage.name,
                got=stage.role,
            )
        if stage.role != role:
            where = {"source": "first", "filter": "middle", "sink": "last"}[role]
            raise MisuseError(
                f'"{stage.name}" is a {stage.role}, expected a {role} as the {where} stage '
                f"(number {position} of {len(stages)})",
                stage=stage.name,
                got=stage.role,
                wanted=role,
            )


def _claim(stages: Sequence[Stage]) -> None:
    with _claiming:
        found: list[Stage] = []
        for stage in _all(stages):
            if any(stage is other for other in found):
                raise MisuseError(
                    f'"{stage.name}" is in the pipeline twice; make a stage for each place',
                    stage=stage.name,
                )
            if stage.used:
                raise MisuseError(
                    f'"{stage.name}" has been in another run; make a new stage for each run',
                    stage=stage.name,
                )
            found.append(stage)
        for stage in found:
            stage.used = True


def _all(stages: Iterable[Stage]) -> Iterator[Stage]:
    for stage in stages:
        yield stage
        for branch in _branches_of(stage):
            check_branch(branch)
            yield from _all(branch)


def _branches_of(stage: Stage) -> Sequence[Sequence[Stage]]:
    given: object = stage.branches
    if not isinstance(given, Sequence) or not all(isinstance(one, Sequence) for one in given):
        raise MisuseError(
            f'"{stage.name}" has the branches {given!r}, expected a sequence of pipelines',
            stage=stage.name,
            got=given,
        )
    return stage.branches


def _lay_out(stages: Sequence[Stage], places: list[Place], upstream: int | None) -> Report:
    gauges = [Gauge(stage.name, Meter()) for stage in stages]
    report = Report(gauges, begins=upstream is None)
    before: int | None = None
    for stage, gauge in zip(stages, gauges, strict=True):
        index = len(places)
        place = Place(stage, gauge, report, upstream)
        places.append(place)
        if before is not None:
            places[before].downstream = index
        for branch in stage.branches:
            place.branches.append(len(places))
            report.branches.append(_lay_out(branch, places, index))
        before = upstream = index
    return report


def _counted(number: int) -> str:
    return "no stage" if number == 0 else f"{number} stage{'s' if number > 1 else ''}"
