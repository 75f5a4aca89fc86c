"""Sources of type docker, and what there is for them to look up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imgadm.registry import Platform, RemoteImage, parse_reference
from imgadm.sources import ClientOptions
from imgadm.sources.docker_source import DockerSource
from imgadm.state.source_config import SourceConfig
from tests.stands.registry.fixtures import (  # noqa: F401
    layout,
    private_registry,
    registry,
    registry_certificate,
    token_registry,
    token_server,
)
from tests.stands.registry.layouts import Layout, tar_of
from tests.stands.web_servers import (  # noqa: F401
    certificate,
    other_web,
    pace,
    proxy,
    secure_web,
    unused_port,
    web,
)

OpenDocker = Callable[..., DockerSource]

FILES = [tar_of({"etc/": b"", "etc/a": b"a\n"}), tar_of({"etc/b": b"b\n" * 5000})]


@pytest.fixture
def opened_registry(pace: Any) -> Iterator[OpenDocker]:  # noqa: F811
    """Open a source without the environment of the test run; it is closed afterwards."""
    sources: list[DockerSource] = []

    def open_one(
        url: str,
        *,
        insecure: bool | None = None,
        environment: dict[str, str] | None = None,
        **options: Any,
    ) -> DockerSource:
        settings = {"sleep": pace.sleep, "environment": environment or {}, **options}
        sources.append(
            DockerSource(SourceConfig(url, "docker", insecure), ClientOptions(**settings))
        )
        return sources[-1]

    yield open_one
    for source in sources:
        source.close()


def resolved(source: DockerSource, name: str, platform: str = "linux/amd64") -> RemoteImage:
    reference = parse_reference(name, default_registry=source.config.url)
    return source.resolve(reference, Platform.parse(platform))


@pytest.fixture(scope="session")
def two_layers(registry: Any, tmp_path_factory: pytest.TempPathFactory) -> str:  # noqa: F811
    """The name, without its registry, of an image of ``FILES`` that is in ``registry``."""
    layout = Layout(tmp_path_factory.mktemp("two-layers") / "layout")  # noqa: F811
    layout.tag("v1", layout.add_image(FILES))
    layout.push("v1", f"{registry.host}/two/layers:v1")
    return "two/layers:v1"


def write_auth(directory: Path, content: str) -> dict[str, str]:
    """An environment whose Docker configuration is ``content``."""
    (directory / "config.json").write_text(content)
    return {"DOCKER_CONFIG": str(directory), "HOME": str(directory)}
