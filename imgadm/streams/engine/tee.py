"""The stage that feeds a second pipeline with the bytes that it passes on."""

from __future__ import annotations

from imgadm.streams.engine.layout import check_branch
from imgadm.streams.engine.stage import Context, Inlet, Outlet, Stage


class _Tee(Stage):
    """The stage that :func:`tee` makes."""

    name = "tee"

    def __init__(self, branch: tuple[Stage, ...]) -> None:
        self.branches = (branch,)

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        (branch,) = context.branches
        for buffer in inlet:
            second = buffer.share()
            outlet.put(buffer)
            branch.put(second)


def tee(*stages: Stage) -> Stage:
    """Return a stage that passes the bytes on, and feeds them to the branch of ``stages`` as well.

    The last of ``stages`` is a sink, all others are filters; tees among them make further branches.
    The bytes are not copied. The slower side sets the pace, and memory stays bounded. The sinks see
    the end only after all sources and filters of both sides have succeeded. The first failure on
    either side ends both, and no :func:`write_file` names its file then. An upload or a program on
    the other side may have completed.

    The report of the branch, with facts of its own, is the next of ``report.branches``. The bytes
    of a pipeline with a tee do not stay in the kernel. Raises MisuseError for ``stages`` that make
    no branch.
    """
    check_branch(stages)
    return _Tee(stages)
