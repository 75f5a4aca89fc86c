"""Log records on stderr, one JSON object a line in the format of Bunyan (version 0).

Other modules log with the standard library's ``logging``, through :func:`logger`, which loads that
library. Fields of a record go in ``extra={"fields": {...}}``; ``logger(component)`` marks all
records of a component.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from imgadm.base.redaction import redact_text, redact_values
from imgadm.base.text import printable

if TYPE_CHECKING:
    import logging

LEVELS = {"trace": 10, "debug": 20, "info": 30, "warn": 40, "error": 50, "fatal": 60}
DEFAULT_LEVEL = LEVELS["warn"]
DEBUG = LEVELS["debug"]
ERROR = LEVELS["error"]
TRACE_LEVEL = 5
"""The level of trace records in ``logging``, which has no name for it."""


class Log:
    """The log of one run; ``level`` and the numbers in records are Bunyan's.

    ``tell``, if it is set, is called with the text of each record, which is then not written. It is
    for an operator who watches the run and did not ask for records.
    """

    tell: Callable[[str], None] | None = None

    def __init__(self, *, level: int, request_id: str, source_locations: bool) -> None:
        self.level = level
        self.request_id = request_id
        self.source_locations = source_locations

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, verbose: bool, request_id: str) -> Log:
        """Return the log that ``verbose`` (``-v``) or else IMGADM_LOG_LEVEL asks for.

        ``verbose`` means level trace with source locations, and so does the level ``trace`` in
        lower case. An unknown level means the default.
        """
        name = environ.get("IMGADM_LOG_LEVEL", "")
        if verbose:
            return cls(level=LEVELS["trace"], request_id=request_id, source_locations=True)
        level = LEVELS.get(name.lower(), DEFAULT_LEVEL)
        return cls(level=level, request_id=request_id, source_locations=name == "trace")

    def record(self, level: int, message: str, fields: Mapping[str, Any]) -> None:
        """Write a record of the command line itself, if ``level`` is shown."""
        if level >= self.level:
            write_line(self.line(level, message, fields, location=caller(2)))

    def line(
        self,
        level: int,
        message: str,
        fields: Mapping[str, Any],
        *,
        component: Mapping[str, Any] | None = None,
        location: Mapping[str, Any] | None = None,
    ) -> str:
        """Return a record as one line of JSON, without the secrets of URLs in its texts."""
        from datetime import UTC, datetime

        from imgadm.base.times import iso_milliseconds

        record = {
            "name": "imgadm",
            "req_id": self.request_id,
            "hostname": os.uname().nodename,
            "pid": os.getpid(),
            **(component or {}),
            "level": level,
            **fields,
            "msg": message,
            "time": iso_milliseconds(datetime.now(UTC)),
        }
        if self.source_locations and location is not None:
            record["src"] = dict(location)
        record["v"] = 0
        safe = redact_values(record)
        return printable(json.dumps(safe, separators=(",", ":"), ensure_ascii=False, default=_text))


def caller(depth: int = 1) -> dict[str, Any]:
    """Return the source location of the calling function; with ``depth`` 2, of its caller."""
    frame = sys._getframe(depth)
    code = frame.f_code
    return {"file": code.co_filename, "line": frame.f_lineno, "func": code.co_name}


def _text(value: object) -> str:
    return redact_text(str(value))


def write_line(line: str) -> None:
    """Write one line to stderr at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


_log = Log(level=DEFAULT_LEVEL, request_id="", source_locations=False)
_handler: logging.Handler | None = None


def use(log: Log) -> None:
    """Make all loggers of this process write to ``log``."""
    global _log
    _log = log
    if _handler is not None:
        _set_level()


def logger(component: str | None = None) -> logging.Logger:
    """Return the logger of the tool, or of its part ``component``; it writes to stderr."""
    import logging

    global _handler
    if _handler is None:
        _handler = _make_handler()
        root = logging.getLogger("imgadm")
        root.propagate = False
        root.addHandler(_handler)
        logging.addLevelName(TRACE_LEVEL, "TRACE")
        _set_level()
    return logging.getLogger("imgadm" if component is None else f"imgadm.{component}")


def _set_level() -> None:
    import logging

    logging.getLogger("imgadm").setLevel(_to_logging_level(_log.level))


def _to_logging_level(level: int) -> int:
    return TRACE_LEVEL if level == LEVELS["trace"] else level - 10


def _make_handler() -> logging.Handler:
    import logging

    class BunyanHandler(logging.Handler):
        """A handler that writes each record to stderr at once."""

        def emit(self, record: logging.LogRecord) -> None:
            if _log.tell is not None:
                _log.tell(redact_text(record.getMessage()))
                return
            level = LEVELS["trace"] if record.levelno < logging.DEBUG else record.levelno + 10
            _, _, component = record.name.partition(".")
            fields = dict(getattr(record, "fields", {}))
            if record.exc_info and record.exc_info[1] is not None:
                fields["err"] = {"message": str(record.exc_info[1])}
            write_line(
                _log.line(
                    level,
                    record.getMessage(),
                    fields,
                    component={"component": component} if component else None,
                    location={
                        "file": record.pathname,
                        "line": record.lineno,
                        "func": record.funcName,
                    },
                )
            )

    return BunyanHandler()
