"""Pipelines that can't work are refused at once, by a typed error, before anything is opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from imgadm import streams
from imgadm.streams import Context, Inlet, MisuseError, Outlet, Stage
from tests.unit.streams.stages import Collect, Forward, Supply


class Unopened(Stage):
    """A filter that must not be opened."""

    name = "unopened"

    def open(self, context: Context) -> None:
        raise AssertionError("opened")


class Spilling(Collect):
    """A sink that puts buffers."""

    name = "spilling"
    moves_descriptors = False

    def run(self, context: Context, inlet: Inlet, outlet: Outlet) -> None:
        for buffer in inlet:
            outlet.put(buffer)


def source() -> Stage:
    return Supply([b"some"])


def sink() -> Stage:
    return Collect()


def middle() -> Stage:
    return streams.checksum("sha1")


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], "a source and a sink at least, got no stage"),
        ([source], "a source and a sink at least, got 1 stage"),
        ([sink], "a source and a sink at least, got 1 stage"),
        ([source, middle], '"checksum" is a filter, expected a sink as the last stage'),
        ([source, source], '"supply" is a source, expected a sink as the last stage'),
        ([middle, sink], '"checksum" is a filter, expected a source as the first stage'),
        ([sink, sink], '"collect" is a sink, expected a source as the first stage'),
        (
            [source, sink, sink],
            r'"collect" is a sink, expected a filter as the middle stage \(number 2 of 3\)',
        ),
        ([source, source, sink], '"supply" is a source, expected a filter as the middle stage'),
        ([source, lambda: "a text", sink], "number 2 of the stages is 'a text', expected a Stage"),
        (
            [source, lambda: streams.discard],
            "number 2 of the stages is <function discard .*, expected a Stage",
        ),
        ([source, lambda: Collect], "number 2 of the stages is <class .*, expected a Stage"),
    ],
)
def test_stages_that_make_no_pipeline(
    stages: list[Callable[[], Stage]], message: str, way: str
) -> None:
    made = [make() for make in stages]
    made[1:1] = [Unopened()] if len(made) > 2 and made[1:] else []
    with pytest.raises(
        MisuseError, match=message.replace("number 2", "number .").replace("3", ".")
    ):
        streams.run(*made)


def test_misuse_is_an_error_of_streams_and_of_values() -> None:
    assert issubclass(MisuseError, streams.StreamError)
    assert issubclass(MisuseError, ValueError)


def test_a_stage_with_a_role_that_does_not_exist() -> None:
    stage = Forward(lambda: None)
    stage.role = "middle"  # type: ignore[assignment]
    with pytest.raises(MisuseError, match="\"forward\" has the role 'middle', expected"):
        streams.run(source(), stage, sink())


def test_a_stage_twice_in_one_pipeline(way: str) -> None:
    stage, last = middle(), Collect()
    with pytest.raises(MisuseError, match='"checksum" is in the pipeline twice') as caught:
        streams.run(source(), stage, stage, last)
    assert caught.value.stage == "checksum"
    streams.run(source(), stage, last)  # which nothing has been done to


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_stage_of_an_earlier_run(way: str, position: int) -> None:
    used, new = [source(), middle(), sink()], [source(), middle(), sink()]
    streams.run(*used)
    new[position] = used[position]
    with pytest.raises(MisuseError, match="has been in another run; make a new stage"):
        streams.run(*new)


def test_a_stage_of_a_run_that_failed(tmp_path: Path) -> None:
    missing, last = streams.read_file(tmp_path / "missing"), Collect()
    with pytest.raises(FileNotFoundError):
        streams.run(missing, last)
    with pytest.raises(MisuseError, match='"collect" has been in another run'):
        streams.run(source(), last)


def test_a_sink_that_puts_buffers() -> None:
    with pytest.raises(MisuseError, match="a sink has put a buffer") as caught:
        streams.run(Supply([b"some"] * 100), Spilling())
    assert caught.value.stage == "spilling"


@pytest.mark.parametrize("interval", [0, -1, True, "1", float("nan"), float("inf"), None])
def test_intervals_that_make_no_sense(interval: float) -> None:
    with pytest.raises(MisuseError, match="interval is .*, expected seconds above 0"):
        streams.run(source(), sink(), interval=interval)


def test_a_listener_that_cannot_be_called() -> None:
    with pytest.raises(MisuseError, match="on_progress is 'bar', expected a function"):
        streams.run(source(), sink(), on_progress="bar")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("branches", "message"),
    [
        (None, "has the branches None, expected a sequence of pipelines"),
        ([Supply([])], "has the branches .*, expected a sequence of pipelines"),
        ([[]], "a branch has a sink at least, got no stage"),
        ([[Supply([])]], '"supply" is a source, expected a sink'),
        ([["text"]], "number 1 of the stages is 'text', expected a Stage"),
    ],
)
def test_branches_of_a_stage_of_somebody_else(branches: object, message: str) -> None:
    class Branching(Supply):
        def run(self, *arguments: object) -> None:
            raise AssertionError("nothing runs")

    stage = Branching([])
    stage.branches = branches  # type: ignore[assignment]
    with pytest.raises(MisuseError, match=message):
        streams.run(stage, streams.discard())


def test_a_stage_without_a_method_run() -> None:
    class Lacking(streams.Stage):
        name = "lacking"
        role = "source"

    with pytest.raises(TypeError, match="lacking has no method run"):
        streams.run(Lacking(), streams.discard())
