"""Pipelines whose live report becomes events, and whose failures become errors of the tool."""

from __future__ import annotations

from collections.abc import Callable

from imgadm import streams
from imgadm.base.errors import ImgadmError


def run_watched(
    *stages: streams.Stage,
    tell: Callable[[streams.Report], None],
    explain: Callable[[streams.StreamError | OSError], ImgadmError],
) -> streams.Report:
    """Run a pipeline of ``stages`` and return its report.

    ``tell`` gets the live report several times a second. An exception of ``tell`` ends the pipeline
    and is raised again unchanged. If a stage fails, the error that ``explain`` returns is raised.
    """
    raised: list[BaseException] = []

    def listen(report: streams.Report) -> None:
        try:
            tell(report)
        except BaseException as error:
            raised.append(error)
            raise

    try:
        return streams.run(*stages, on_progress=listen)
    except (streams.StreamError, OSError) as error:
        if error in raised:
            raise
        raise explain(error) from error
