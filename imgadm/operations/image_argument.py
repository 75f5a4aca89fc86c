"""The ways in which an operator may name an image: by UUID, or by its name in a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgadm.base.errors import UsageError
from imgadm.base.patterns import is_uuid

if TYPE_CHECKING:
    from imgadm.registry.errors import InvalidDockerRepoError


def check_image_argument(argument: str) -> str:
    """Return ``argument`` if it can name an image: a UUID, or the name of a Docker image.

    Raises UsageError otherwise.
    """
    if not is_uuid(argument) and (error := _fault_of_name(argument)) is not None:
        raise UsageError(f"invalid image-id arg: {error.name}: {error.reason}") from error
    return argument


def names_registry_image(argument: str) -> bool:
    """Tell whether ``argument`` is the name of an image in a registry; a UUID never is."""
    return not is_uuid(argument) and _fault_of_name(argument) is None


def _fault_of_name(name: str) -> InvalidDockerRepoError | None:
    """Return why ``name`` cannot name an image in a registry, None if it can."""
    from imgadm.registry import parse_reference
    from imgadm.registry.errors import InvalidDockerRepoError

    try:
        parse_reference(name)
    except InvalidDockerRepoError as error:
        return error
    return None
