"""Which images nothing uses, and in which order they may go."""

from __future__ import annotations

import pytest

from imgadm.operations.upkeep.unused_images import unused_images
from imgadm.pools.images import InstalledImage


def images(text: str) -> list[InstalledImage]:
    """Images, ``NAME[<CLONE,...][^ORIGIN][?]``: what is cloned, what the record says, doubt."""
    made = []
    for word in text.split():
        rest, doubt, _ = word.partition("?")
        rest, _, origin = rest.partition("^")
        name, _, clones = rest.partition("<")
        pool, _, uuid = name.rpartition("/")
        manifest = {"uuid": uuid, "origin": origin} if origin else {"uuid": uuid}
        pool = pool or "zones"
        names = tuple(clone if "/" in clone else f"{pool}/{clone}" for clone in clones.split(","))
        made.append(
            InstalledImage(manifest, pool, clones=names if clones else (), doubtful=bool(doubt))
        )
    return made


@pytest.mark.parametrize(
    ("installed", "unused"),
    [
        ("", ""),
        ("a", "a"),
        ("b a", "b a"),
        # clones of any kind
        ("a<vm b", "b"),
        ("a<vm-disk0 b<vm/disk0 c<some/thing/deep d<d/inside", ""),
        # a chain goes from its end, pass by pass, if nothing uses its end
        ("a<b b<c c", "c b a"),
        ("a<b b<c c<vm", ""),
        ("a<b,vm b<c c", "c b"),
        ("a<c b c d<e,f e f<vm", "b c e a"),
        ("c<a a<b b", "b a c"),
        # what is based on several others, by clone or by record, and one that several are based on
        ("a<b,c b c", "b c a"),
        # a clone that is no image, be it ignored or on its way in
        ("a<ignored", ""),
        ("a<b-partial", ""),
        # the record alone says what an image is based on
        ("a b^a", "b a"),
        ("a b<vm^a", ""),
        ("a b^a?", ""),
        ("a^gone", "a"),
        # records that can't be true
        ("a^a", ""),
        ("a^b b^a c", "c"),
        ("a^b b^c c^a d^a", "d"),
        # doubt
        ("a?", ""),
        ("a<b b?", ""),
        # pools
        ("tank2/a zones/a<vm", "tank2/a"),
        ("tank2/a<tank2/b tank2/b zones/a^b zones/b", "tank2/b zones/a tank2/a zones/b"),
        # kept by the operator
        ("a<K K b", "b"),
        ("a<b b<K K<c c", "c"),
    ],
)
def test_unused(installed: str, unused: str) -> None:
    found = unused_images(images(installed), lambda image: image.uuid == "K")
    names = [f"{image.pool}/{image.uuid}" for image in found]
    assert names == [name if "/" in name else f"zones/{name}" for name in unused.split()]


def test_a_long_chain() -> None:
    count = 200
    chain = " ".join(f"i{number}<i{number + 1}" for number in range(count))
    found = unused_images(images(f"{chain} i{count}"), lambda _: False)
    assert [image.uuid for image in found] == [f"i{number}" for number in range(count, -1, -1)]
