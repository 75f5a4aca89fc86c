"""What tests of sources need."""

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
