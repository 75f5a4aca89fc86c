"""Errors of creating an image of a virtual machine."""

from __future__ import annotations

from imgadm.base.errors import ImgadmError, InternalError


class VmNotFoundError(ImgadmError):
    """The host has no virtual machine ``uuid``; ``reason`` is what vmadm says."""

    code = "VmNotFound"

    def __init__(self, uuid: str, reason: str) -> None:
        super().__init__(f'vm "{uuid}" was not found', cause=InternalError(reason))


class VmNotStoppedError(ImgadmError):
    """The machine ``uuid`` is not stopped. ``state`` is its state, if it may also run."""

    code = "VmNotStopped"

    def __init__(self, uuid: str, state: str | None = None) -> None:
        odd = "" if state is None else f', nor does it run: its state is "{state}"'
        super().__init__(f'vm "{uuid}" is not stopped{odd}')


class VmHasNoOriginError(ImgadmError):
    """The machine ``uuid`` was not created from an image, so no incremental image is possible."""

    code = "VmHasNoOrigin"

    def __init__(self, uuid: str) -> None:
        super().__init__(f'cannot create an incremental image: vm "{uuid}" has no origin')


class OriginHasNoFinalSnapshotError(ImgadmError):
    """The origin ``uuid`` lacks the snapshot that an incremental image is based on."""

    code = "OriginHasNoFinalSnapshot"

    def __init__(self, uuid: str) -> None:
        super().__init__(
            f'cannot create an incremental image: origin image "{uuid}" has no "@final" snapshot '
            '(sometimes this can be fixed by "imgadm update")'
        )


class MaxOriginDepthError(ImgadmError):
    """The machine is based on more images than ``depth``, which the operator allows."""

    code = "MaxOriginDepth"

    def __init__(self, depth: int) -> None:
        super().__init__(f'cannot create image: maximum origin depth "{depth}" has been reached')


class PrepareImageDidNotRunError(ImgadmError):
    """The machine ``uuid`` booted, but did not run the prepare-image script."""

    code = "PrepareImageDidNotRun"

    def __init__(self, uuid: str) -> None:
        super().__init__(f"prepare-image script did not run on VM {uuid} boot")


class PrepareImageError(ImgadmError):
    """The prepare-image script failed or did not end; ``details`` is its own message."""

    code = "PrepareImageError"

    def __init__(self, uuid: str, details: str = "", *, cause: BaseException | None = None) -> None:
        message = f"prepare-image script error while preparing VM {uuid}"
        if "\n" in details:
            message += ":\n" + "\n".join(f"    {line}" for line in f"...{details}".split("\n"))
        elif details:
            message += f": {details}"
        super().__init__(message, cause=cause)
