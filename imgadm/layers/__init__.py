"""The unpacking of container image layers, from archives that may be hostile.

    streams.run(
        streams.http_get(url),
        streams.checksum("sha256", expected=digest, size=size),
        streams.decompress(),
        streams.checksum("sha256", expected=diff_id),
        unpack_layer("image/root"),
    )

Layers are applied one after the other, base first, to the same tree. See
docs/explanation/layers.md.
"""

from imgadm.layers.rules.errors import LayerError
from imgadm.layers.rules.limits import Limits
from imgadm.layers.tree.attributes import Ownership
from imgadm.layers.tree.owners import OWNERS_FILE_NAME, Owners, Recorded, read_owners
from imgadm.layers.unpack import Unpacked, unpack_layer

__all__ = [
    "OWNERS_FILE_NAME",
    "LayerError",
    "Limits",
    "Owners",
    "Ownership",
    "Recorded",
    "Unpacked",
    "read_owners",
    "unpack_layer",
]
