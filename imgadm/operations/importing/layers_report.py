"""The report of an import of layers, whose pipelines download some while they unpack others."""

from __future__ import annotations

from dataclasses import replace

from imgadm.streams.engine.report import Report, StageReport


class LayersReport(Report):
    """The report of pipelines that download layers, and of others that unpack them.

    ``lanes`` downloads run at a time. ``fetches`` are their reports, ``unpackings`` those of the
    pipelines that unpack a download, ``others`` those of the pipelines that unpack an older layer.
    ``own_notes`` are notes that belong to no single pipeline.

    ``bytes_in`` counts the downloaded bytes, ``total`` all bytes to download, ``bytes_out`` the
    unpacked bytes. The figures of stages with the same name are added up. The seconds of stages
    that run in several lanes are divided by ``lanes``, so that they compare with those of others.
    """

    def __init__(self, lanes: int, total: int | None = None) -> None:
        super().__init__([])
        self.fetches: list[Report] = []
        self.unpackings: list[Report] = []
        self.others: list[Report] = []
        self.own_notes: list[str] = []
        self._lanes = lanes
        self._total = total

    @property
    def stages(self) -> list[StageReport]:
        return [
            *_added_up(self.fetches, self._lanes),
            *_added_up([*self.others, *self.unpackings], 1),
        ]

    @property
    def bytes_in(self) -> int:
        return sum(report.bytes_in for report in tuple(self.fetches))

    @property
    def progress(self) -> int:
        """The mean of the bytes that are downloaded and of those that are unpacked.

        It grows while either grows, and reaches ``total`` only when both are complete.
        """
        taken = sum(report.bytes_in for report in tuple(self.unpackings))
        return (self.bytes_in + taken) // 2

    @property
    def total(self) -> int | None:
        return self._total

    @property
    def bytes_out(self) -> int:
        return sum(report.bytes_out for report in (*self.others, *self.unpackings))

    @property
    def notes(self) -> list[str]:
        reports = (*self.fetches, *self.others, *self.unpackings)
        return [*self.own_notes, *(note for report in reports for note in report.notes)]


def _added_up(reports: list[Report], lanes: int) -> list[StageReport]:
    sums: dict[str, StageReport] = {}
    for report in tuple(reports):
        for stage in report.stages:
            if (so_far := sums.get(stage.name)) is None:
                sums[stage.name] = replace(stage, total=None)
                continue
            so_far.bytes_in += stage.bytes_in
            so_far.bytes_out += stage.bytes_out
            so_far.busy += stage.busy
            so_far.waiting_for_input += stage.waiting_for_input
            so_far.waiting_for_output += stage.waiting_for_output
            so_far.notes += stage.notes
    for stage in sums.values():
        stage.busy /= lanes
        stage.waiting_for_input /= lanes
        stage.waiting_for_output /= lanes
    return list(sums.values())
