"""The events of an import, an installation or a publication as JSON, one object a line."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from imgadm.base.errors import ImgadmError, InternalError
from imgadm.base.redaction import redact_text
from imgadm.operations.events.event import Event, Transferring
from imgadm.streams import Report


class JsonView:
    """A view that prints each event on stdout, and progress about once a second.

    If the command fails, the last object is ``{"event": "error", "code": ..., "message": ...}``.
    The error line on stderr is printed as well. ``docs/reference/events.md`` lists all events.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, ImgadmError):
            self._print("error", code=error.code, message=redact_text(error.message))
        elif isinstance(error, KeyboardInterrupt):
            self._print("error", code="Interrupted", message="interrupted")
        elif error is not None and not isinstance(error, BrokenPipeError):
            self._print("error", code=InternalError.code, message=redact_text(str(error)))

    def __call__(self, event: Event) -> None:
        if isinstance(event, Transferring):
            if self._clock() - self._last < 1.0:
                return
            self._last = self._clock()
        self._print(event_name(type(event)), **_fields(event))

    def _print(self, event: str, **fields: Any) -> None:
        print(json.dumps({"event": event, **fields}), flush=True)


def event_name(kind: type[Event]) -> str:
    """Return the value of the field ``event`` for this kind of event."""
    words = "".join(f"-{c.lower()}" if c.isupper() else c for c in kind.__name__)
    return words.lstrip("-")


def _fields(event: Event) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in vars(event).items():
        match name:
            case "image":
                fields |= {"uuid": value.uuid, "name": value.name, "version": value.version}
            case "installed":
                manifest = value.manifest
                fields["uuid"] = value.uuid
                fields |= {name: manifest.get(name) for name in ("name", "version")}
            case "report":
                fields |= report_fields(value)
            case "holder":
                fields["holder"] = None if value is None else vars(value)
            case "reference" | "source":
                if value is not None:
                    fields[name] = value
            case "message" | "text":
                fields[name] = redact_text(value)
            case _:
                fields[name] = value
    return fields


def report_fields(report: Report) -> dict[str, Any]:
    """Return the members of a report: bytes and seconds, in total and for each stage."""
    return {
        "bytes_in": report.bytes_in,
        "total": report.total,
        "bytes_out": report.bytes_out,
        "seconds": round(report.elapsed, 3),
        "bottleneck": report.bottleneck.name,
        "stages": [
            {
                "name": stage.name,
                "bytes_in": stage.bytes_in,
                "bytes_out": stage.bytes_out,
                "busy": round(stage.busy, 3),
                "waiting_for_input": round(stage.waiting_for_input, 3),
                "waiting_for_output": round(stage.waiting_for_output, 3),
            }
            for stage in report.stages
        ],
        "notes": report.notes,
    }
