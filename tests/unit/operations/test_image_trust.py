"""Images under UUIDs of others: refused, told, or not built on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from imgadm.base.locks.command_locks import Locks
from imgadm.manifest import Manifest
from imgadm.manifest.errors import InvalidManifestError
from imgadm.operations.errors import DownloadError, LayerNotVerifiedError, OriginNotVerifiedError
from imgadm.operations.events.event import Event
from imgadm.operations.events.importing import ImageDoubted
from imgadm.operations.events.upkeep import OtherImage
from imgadm.operations.importing.import_chain import look_up_chain
from imgadm.operations.importing.import_steps import ImportOptions
from imgadm.operations.importing.layer_trust import check_installed_layers
from imgadm.operations.importing.origin_trust import unproven_file
from imgadm.operations.installing.install_image import install_image
from imgadm.operations.upkeep.image_lookup import Found
from imgadm.operations.upkeep.update_plan import plan_update
from tests.unit.canned_source import Canned

from .layers_on_the_way import Chain, archive
from .test_receive_layers import Bench, bench

__all__ = ["bench"]

REGISTRY = "http://a.registry"
TWO = ({"etc/": b"", "etc/a": b"a"}, {"etc/b": b"b"})


def options(bench: Bench) -> ImportOptions:
    return ImportOptions(Locks(bench.pool.path.parent / "locks", "a test"))


def install(bench: Bench, manifest: dict[str, Any], file: bytes) -> None:
    paths = (bench.sources / "it.imgmanifest", bench.sources / "it.file")
    paths[0].write_text(json.dumps(manifest))
    paths[1].write_bytes(file)
    install_image(bench.pool, *paths, options(bench), bench.events.append)


def edit_record(bench: Bench, uuid: str, change: Callable[[dict[str, Any]], object]) -> None:
    path = bench.pool.path / uuid / "image.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


OTHERS = archive({"etc/": b"", "etc/a": b"somebody else's"})


def test_other_layer_under_the_uuid_of_one(bench: Bench) -> None:
    """Whether or not its manifest says which layer it should be."""
    chain = bench.chain(*TWO)
    manifest = chain.manifests[0].raw
    with pytest.raises(DownloadError, match="sha256"):
        install(bench, dict(manifest), OTHERS)
    with pytest.raises(InvalidManifestError, match="another image under that UUID"):
        install(bench, {**manifest, "tags": {}}, OTHERS)
    claims = {**manifest, "tags": {"docker:id": "sha256:" + "0" * 64}}
    with pytest.raises(InvalidManifestError, match="another image under that UUID"):
        install(bench, claims, OTHERS)
    assert bench.names() == set()


def test_layer_on_top_of_another_base_than_its_uuid_says(bench: Bench) -> None:
    chain, other = bench.chain(*TWO), bench.chain({"etc/": b"", "etc/x": b"x"}, name="other")
    bench.receive(other)
    manifest = {**chain.manifests[1].raw, "origin": other.uuids[0]}
    with pytest.raises(InvalidManifestError, match=chain.uuids[1]):
        install(bench, manifest, chain.blobs[1])
    assert bench.names() == {other.uuids[0]}


def test_layers_from_files(bench: Bench) -> None:
    chain = bench.chain(*TWO)
    for manifest, blob in zip(chain.manifests, chain.blobs, strict=True):
        install(bench, dict(manifest.raw), blob)
    assert bench.root(chain.uuids[1]) == {"etc/a": b"a", "etc/b": b"b"}


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another digest": lambda record: record["layer"].update(digest="sha256:" + "1" * 64),
    "no digest, from elsewhere": lambda record: (
        record.pop("layer"),
        record.update(source="http://some.server"),
    ),
    "no digest, from a file": lambda record: (record.pop("layer"), record.pop("source")),
    "another origin": lambda record: record["manifest"].update(
        origin="11111111-1111-1111-1111-111111111111"
    ),
    "another type": lambda record: record["manifest"].update(type="zone-dataset"),
    "nothing": lambda record: record.clear(),
}


def check_all(bench: Bench, chain: Chain) -> None:
    check_installed_layers(bench.pool, chain.manifests, chain.digests, registry=REGISTRY)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("number", [0, 1])
def test_installed_layer_that_is_not_known_to_be_the_right_one(
    number: int, change: str, bench: Bench
) -> None:
    chain = bench.chain(*TWO)
    bench.receive(chain)
    check_all(bench, chain)
    edit_record(bench, chain.uuids[number], CHANGES[change])
    with pytest.raises(LayerNotVerifiedError) as caught:
        check_all(bench, chain)
    assert f'"imgadm delete {chain.uuids[number]}"' in caught.value.message


def test_record_of_another_version_counts_where_it_is_of_the_same_registry(bench: Bench) -> None:
    chain = bench.chain(*TWO)
    bench.receive(chain)
    for uuid in chain.uuids:
        edit_record(bench, uuid, lambda record: record.pop("layer"))
    check_all(bench, chain)
    edit_record(bench, chain.uuids[0], lambda record: record["manifest"].pop("tags"))
    with pytest.raises(LayerNotVerifiedError):
        check_all(bench, chain)


BASE, CHILD = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
RIGHT, WRONG = "a" * 40, "b" * 40


def image(uuid: str, sha1: str | None, **more: Any) -> dict[str, Any]:
    file = {"compression": "gzip", "size": 1} | ({} if sha1 is None else {"sha1": sha1})
    return {"v": 2, "uuid": uuid, "name": "it", "version": "1", "type": "zvol", **more} | {
        "files": [file]
    }


def install_base(bench: Bench, sha1: str | None, source: str = "http://b", **extra: Any) -> None:
    (bench.pool.path / BASE).mkdir()
    record = {"manifest": image(BASE, sha1), "zpool": "x", "source": source, **extra}
    (bench.pool.path / BASE / "image.json").write_text(json.dumps(record))


def look_up(bench: Bench, offered: dict[str, Any] | None, *, verify: bool) -> Canned:
    source = Canned("http://official", lambda _: offered)
    child = Manifest.of(image(CHILD, "c" * 40, origin=BASE))
    look_up_chain(bench.pool, source, child, bench.events.append, verify_origins=verify)
    return source


def doubts(events: list[Event]) -> list[str]:
    return [event.message for event in events if isinstance(event, ImageDoubted)]


def test_origin_that_is_another_than_the_source_has(bench: Bench) -> None:
    install_base(bench, WRONG)
    look_up(bench, image(BASE, RIGHT), verify=False)
    (doubt,) = doubts(bench.events)
    assert (BASE in doubt, WRONG in doubt, RIGHT in doubt, "http://b" in doubt) == (True,) * 4
    with pytest.raises(OriginNotVerifiedError):
        look_up(bench, image(BASE, RIGHT), verify=True)


@pytest.mark.parametrize(
    ("recorded", "offered"),
    [(RIGHT, None), (RIGHT, image(BASE, None)), (None, image(BASE, RIGHT))],
    ids=["not in the source", "no SHA-1 in the source", "no SHA-1 in the record"],
)
def test_origin_that_nothing_proves(
    recorded: str | None, offered: dict[str, Any] | None, bench: Bench
) -> None:
    install_base(bench, recorded)
    look_up(bench, offered, verify=False)
    assert doubts(bench.events) == []
    with pytest.raises(OriginNotVerifiedError):
        look_up(bench, offered, verify=True)


def test_origin_that_is_the_right_one(bench: Bench) -> None:
    install_base(bench, RIGHT)
    look_up(bench, image(BASE, RIGHT.upper()), verify=True)
    assert doubts(bench.events) == []


def test_source_is_not_asked_about_what_came_from_it(bench: Bench) -> None:
    install_base(bench, RIGHT, source="http://official")
    assert look_up(bench, None, verify=False).asked == []


def test_file_that_is_not_known_to_be_the_manifest_s(bench: Bench) -> None:
    """As with ``--zstream``: the manifest promises what nobody has compared."""
    manifest = image(BASE, RIGHT)
    assert unproven_file(manifest, {"sha1": RIGHT, "size": 1}) == {}
    extra = unproven_file(manifest, {"sha1": WRONG, "size": 7})
    install_base(bench, RIGHT, **extra)
    look_up(bench, manifest, verify=False)
    assert len(doubts(bench.events)) == 1


def plan(bench: Bench, uuid: str, offered: dict[str, Any]) -> object:
    found = Found(Manifest.of(offered), Canned("http://official", lambda _: None))
    return plan_update(bench.pool, bench.get(uuid), found)


def test_update_does_not_make_the_record_of_another_image_the_source_s(bench: Bench) -> None:
    install_base(bench, WRONG)
    planned = plan(bench, BASE, image(BASE, RIGHT))
    assert not planned.changes_something  # type: ignore[attr-defined]
    assert isinstance(planned.obstacle, OtherImage)  # type: ignore[attr-defined]
    assert plan(bench, BASE, image(BASE, WRONG, os="linux")).changes_something  # type: ignore[attr-defined]


def test_update_does_not_take_the_word_of_a_server_for_a_layer(bench: Bench) -> None:
    chain = bench.chain(*TWO)
    bench.receive(chain)
    raw = chain.manifests[0].raw
    tags = {**raw["tags"], "docker:id": chain.digests[1]}
    for offered in ({**raw, "tags": tags}, {**raw, "type": "zone-dataset"}):
        planned = plan(bench, chain.uuids[0], offered)
        assert not planned.changes_something  # type: ignore[attr-defined]
    assert plan(bench, chain.uuids[0], {**raw, "os": "other"}).changes_something  # type: ignore[attr-defined]


def test_update_does_not_change_what_a_layer_is_based_on(bench: Bench) -> None:
    """A base that no record names any more would be deleted, with what needs it left behind."""
    chain = bench.chain(*TWO)
    bench.receive(chain)
    base, top = chain.uuids
    without = {key: value for key, value in chain.manifests[1].raw.items() if key != "origin"}
    for uuid, offered, said in (
        (top, without, f"it is based on {base}, not on nothing"),
        (top, {**without, "origin": BASE}, f"it is based on {base}, not on {BASE}"),
        (base, {**chain.manifests[0].raw, "origin": BASE}, f"based on nothing, not on {BASE}"),
    ):
        # Without the digest, which would tell that it is another one.
        planned = plan(bench, uuid, {**offered, "tags": {}})
        assert not planned.changes_something  # type: ignore[attr-defined]
        assert said in planned.obstacle.message  # type: ignore[attr-defined]


def test_update_does_not_change_what_an_image_was_received_on(bench: Bench) -> None:
    install_base(bench, RIGHT)
    record = bench.pool.path / BASE / "image.json"
    record.write_text(json.dumps({"manifest": image(BASE, RIGHT, origin=CHILD)}))
    for offered in (image(BASE, RIGHT), image(BASE, RIGHT, origin=BASE)):
        assert not plan(bench, BASE, offered).changes_something  # type: ignore[attr-defined]
    same = image(BASE, RIGHT, origin=CHILD, os="linux")
    assert plan(bench, BASE, same).changes_something  # type: ignore[attr-defined]
    record.write_text(json.dumps({"manifest": image(BASE, RIGHT)}))
    assert plan(bench, BASE, image(BASE, RIGHT, origin=CHILD)).changes_something  # type: ignore[attr-defined]


def test_update_does_not_record_that_an_image_is_based_on_itself(bench: Bench) -> None:
    install_base(bench, RIGHT)
    planned = plan(bench, BASE, image(BASE, RIGHT, origin=BASE, os="linux"))
    assert not planned.changes_something  # type: ignore[attr-defined]
    assert "based on itself" in planned.obstacle.message  # type: ignore[attr-defined]
