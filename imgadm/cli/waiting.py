"""What an operator sees while another process works on the same image."""

from __future__ import annotations

from imgadm.locks import Holder


def show_waiting(uuid: str, holder: Holder | None) -> None:
    """Say at once that the lock of an image is waited for, and who holds it."""
    print(f"Waiting for image {uuid} import lock", flush=True)
    if holder is not None:
        print(f"    held by {holder}", flush=True)
