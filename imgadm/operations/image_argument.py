"""What an operator may name an image by."""

from __future__ import annotations

from imgadm.base.errors import InvalidDockerRepoError, UsageError
from imgadm.base.patterns import is_uuid


def check_image_argument(argument: str) -> str:
    """Return ``argument`` if it can name an image: a UUID, or the name of a Docker image.

    Raises UsageError otherwise.
    """
    if not is_uuid(argument):
        try:
            _parse(argument)
        except InvalidDockerRepoError as error:
            raise UsageError(f"invalid image-id arg: {error.name}: {error.reason}") from error
    return argument


def names_registry_image(argument: str) -> bool:
    """Whether ``argument`` is the name of an image in a registry; a UUID never is."""
    if is_uuid(argument):
        return False
    try:
        _parse(argument)
    except InvalidDockerRepoError:
        return False
    return True


def _parse(name: str) -> None:
    from imgadm.registry import parse_reference

    parse_reference(name)
