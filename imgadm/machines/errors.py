"""Why no image could be created of a virtual machine, or of a disk."""

from __future__ import annotations

from imgadm.base.errors import ImgadmError, InternalError


class VmNotFoundError(ImgadmError):
    """There is no such virtual machine on this host."""

    code = "VmNotFound"

    def __init__(self, uuid: str, reason: str) -> None:
        super().__init__(f'vm "{uuid}" was not found', cause=InternalError(reason))


class VmNotStoppedError(ImgadmError):
    """An image is made of a machine that does not run."""

    code = "VmNotStopped"

    def __init__(self, uuid: str, state: str | None = None) -> None:
        odd = "" if state is None else f', nor does it run: its state is "{state}"'
        super().__init__(f'vm "{uuid}" is not stopped{odd}')


class VmHasNoOriginError(ImgadmError):
    """An incremental image needs an image that the machine was made from."""

    code = "VmHasNoOrigin"

    def __init__(self, uuid: str) -> None:
        super().__init__(f'cannot create an incremental image: vm "{uuid}" has no origin')


class OriginHasNoFinalSnapshotError(ImgadmError):
    """The image below lacks the snapshot that an incremental one is based on."""

    code = "OriginHasNoFinalSnapshot"

    def __init__(self, uuid: str) -> None:
        super().__init__(
            f'cannot create an incremental image: origin image "{uuid}" has no "@final" snapshot '
            '(sometimes this can be fixed by "imgadm update")'
        )


class MaxOriginDepthError(ImgadmError):
    """The machine is based on more images than the operator allows."""

    code = "MaxOriginDepth"

    def __init__(self, depth: int) -> None:
        super().__init__(f'cannot create image: maximum origin depth "{depth}" has been reached')


class PrepareImageDidNotRunError(ImgadmError):
    """The machine booted, and nothing was heard of the script."""

    code = "PrepareImageDidNotRun"

    def __init__(self, uuid: str) -> None:
        super().__init__(f"prepare-image script did not run on VM {uuid} boot")


class PrepareImageError(ImgadmError):
    """The script failed, or did not come to an end; ``details`` are its own words if it has any."""

    code = "PrepareImageError"

    def __init__(self, uuid: str, details: str = "", *, cause: BaseException | None = None) -> None:
        message = f"prepare-image script error while preparing VM {uuid}"
        if "\n" in details:
            message += ":\n" + "\n".join(f"    {line}" for line in f"...{details}".split("\n"))
        elif details:
            message += f": {details}"
        super().__init__(message, cause=cause)
