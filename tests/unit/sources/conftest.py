"""Fixtures for the tests of sources."""

from tests.stands.web_servers import (  # noqa: F401
    certificate,
    opened,
    other_web,
    pace,
    proxy,
    secure_web,
    unused_port,
    web,
)
