"""Debian's ``docker-registry``, started on a free port of this machine's loopback."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_LISTENING = re.compile(r"listening on [^ \"]*:([0-9]+)")
_SECONDS_TO_START = 30


class Registry:
    """A running registry; ``settings`` are more of its configuration, section by section.

    ``certificate`` and its ``key`` make it speak TLS; ``data`` is where it keeps what it has, which
    several of them can share.
    """

    def __init__(
        self,
        directory: Path,
        *,
        certificate: Path | None = None,
        key: Path | None = None,
        data: Path | None = None,
        **settings: Any,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.data = data or directory / "data"
        self.log = directory / "log"
        self.certificate = certificate
        http: dict[str, Any] = {"addr": "127.0.0.1:0", "secret": "of these tests"}
        if certificate is not None:
            http["tls"] = {"certificate": str(certificate), "key": str(key)}
        configuration = {
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.data)},
                "delete": {"enabled": True},
            },
            "http": http,
            **settings,
        }
        file = directory / "registry.yml"
        file.write_text(json.dumps(configuration))  # JSON is YAML too
        self._process = subprocess.Popen(
            ["docker-registry", "serve", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._port = 0
        self._started = threading.Event()
        self._reader = threading.Thread(target=self._read_log)
        self._reader.start()
        if not self._started.wait(_SECONDS_TO_START) or not self._port:
            self.close()
            raise RuntimeError(f"docker-registry does not start: {self.log.read_text()}")

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines, self.log.open("w") as log:
            for line in lines:
                log.write(line)
                log.flush()
                found = _LISTENING.search(line)
                if found is not None:
                    self._port = int(found[1])
                    self._started.set()
        self._started.set()

    @property
    def host(self) -> str:
        """Host and port, as in the names of its images."""
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return f"{'http' if self.certificate is None else 'https'}://{self.host}"

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def missing_programs(*names: str) -> list[str]:
    """Those of the programs ``names`` that this machine lacks."""
    return [name for name in names if shutil.which(name) is None]
