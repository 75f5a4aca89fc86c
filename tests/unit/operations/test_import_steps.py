"""The steps that all ways of importing and installing share, on real directory pools."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from imgadm.base.errors import ImgadmError
from imgadm.base.locks.command_locks import Locks
from imgadm.operations.disk_images import DiskToImage
from imgadm.operations.errors import OriginNotInstalledError
from imgadm.operations.events.event import Event
from imgadm.operations.events.importing import (
    AlreadyInstalled,
    ImageInstalled,
    InstallBegins,
    InstalledMeanwhile,
)
from imgadm.operations.importing import import_registry_image as by_name
from imgadm.operations.importing.import_image import import_image
from imgadm.operations.importing.import_steps import ImportOptions
from imgadm.operations.importing.registry_images import RegistryImage
from imgadm.operations.installing.install_disk import install_disk
from imgadm.operations.installing.install_image import install_image
from imgadm.registry import Platform, RemoteImage, RemoteLayer, parse_reference
from tests.disks import boot_sector
from tests.unit.canned_source import Canned

from .layers_on_the_way import CONFIG, Chain
from .test_receive_layers import Bench, bench

__all__ = ["bench"]

TWO = ({"etc/": b"", "etc/a": b"a"}, {"etc/b": b"b"})


@dataclass(frozen=True)
class LocksAfter(Locks):
    """Locks that another process has held: ``before`` is what that did, by the UUID locked."""

    before: Callable[[str], None] = lambda _: None

    @contextmanager
    def image(self, pool: Any, uuid: str, **more: Any) -> Iterator[None]:
        self.before(uuid)
        with super().image(pool, uuid, **more):
            yield


def options(bench: Bench, before: Callable[[str], None] = lambda _: None) -> ImportOptions:
    return ImportOptions(LocksAfter(bench.pool.path.parent / "locks", "a test", before=before))


def by_uuid(bench: Bench, chain: Chain, how: ImportOptions) -> None:
    offered = {**chain.manifests[0].raw, "state": "active", "files": []}
    source = Canned("http://some.server", lambda _: offered)
    import_image(bench.pool, lambda: [source], chain.uuids[0], how, bench.events.append)


def from_registry(bench: Bench, chain: Chain, how: ImportOptions) -> None:
    class Registry:
        def registry_of(self, _: object) -> str:
            return "http://a.registry"

    layers = (RemoteLayer(chain.digests[0], len(chain.blobs[0]), "gzip", None),)
    remote = RemoteImage(
        parse_reference("test:1"), chain.digests[0], CONFIG, None, layers, Platform.default()
    )
    image = RegistryImage(remote, Registry())  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(by_name, "find_registry_image", lambda *_, **__: image)
        arguments = (bench.pool, [], "test:1", Platform.default(), how, bench.events.append)
        by_name.import_registry_image(*arguments)


def from_files(bench: Bench, chain: Chain, how: ImportOptions) -> None:
    paths = (bench.sources / "it.imgmanifest", bench.sources / "it.file")
    paths[0].write_text(json.dumps(chain.manifests[0].raw))
    paths[1].write_bytes(chain.blobs[0])
    install_image(bench.pool, *paths, how, bench.events.append)


def from_disk(bench: Bench, chain: Chain, how: ImportOptions) -> None:
    path = bench.sources / "disk"
    path.write_bytes(boot_sector(128).ljust(65536, b"x"))
    fields = {"uuid": chain.uuids[0], "name": "n", "version": "1", "os": "linux"}
    disk = DiskToImage(str(path))
    install_disk(
        bench.pool,
        disk,
        fields,
        how,
        bench.events.append,
        open_session=lambda url: pytest.fail(f"{url} was opened"),
    )


def kinds(events: list[Event]) -> set[type[Event]]:
    return {type(event) for event in events}


WAYS = [by_uuid, from_registry, from_files, from_disk]
ask = pytest.mark.parametrize("ask", WAYS)


@ask
def test_image_that_lacks_its_root_gets_one(
    ask: Callable[[Bench, Chain, ImportOptions], None], bench: Bench
) -> None:
    chain = bench.chain(*TWO)
    bench.receive(chain)
    fetched = list(chain.fetched)
    ask(bench, chain, options(bench))
    assert bench.root(chain.uuids[0]) == {"etc/a": b"a"}
    assert bench.inside(chain.uuids[0]) == {"image.json", "layer", "root"}
    assert bench.names() == set(chain.uuids)
    assert bench.told(ImageInstalled)[-1] == chain.uuids[0]
    bench.events.clear()
    ask(bench, chain, options(bench))
    assert kinds(bench.events) == {AlreadyInstalled}
    assert chain.fetched == fetched


@ask
def test_image_that_another_import_brings_as_a_layer_meanwhile_gets_its_root(
    ask: Callable[[Bench, Chain, ImportOptions], None], bench: Bench
) -> None:
    chain = bench.chain(*TWO)

    def bring(uuid: str) -> None:
        if uuid not in bench.names():
            bench.receive(chain)

    ask(bench, chain, options(bench, bring))
    assert bench.root(chain.uuids[0]) == {"etc/a": b"a"}
    assert InstalledMeanwhile not in kinds(bench.events)


@ask
def test_image_that_another_import_brings_whole_meanwhile_is_left_alone(
    ask: Callable[[Bench, Chain, ImportOptions], None], bench: Bench
) -> None:
    chain = bench.chain(TWO[0])

    def bring(uuid: str) -> None:
        if uuid not in bench.names():
            bench.receive(chain)

    ask(bench, chain, options(bench, bring))
    assert isinstance(bench.events[-1], InstalledMeanwhile)
    assert bench.root(chain.uuids[0]) == {"etc/a": b"a"}


@ask
def test_image_whose_root_another_import_makes_meanwhile_is_left_alone(
    ask: Callable[[Bench, Chain, ImportOptions], None], bench: Bench
) -> None:
    chain = bench.chain(*TWO)
    bench.receive(chain)

    def make_root(_: str) -> None:
        if not bench.root(chain.uuids[0]):
            from_files(bench, chain, options(bench))

    ask(bench, chain, options(bench, make_root))
    assert bench.root(chain.uuids[0]) == {"etc/a": b"a"}
    assert isinstance(bench.events[-1], AlreadyInstalled)


def test_image_that_is_deleted_while_it_is_to_get_its_root_is_installed_anew(bench: Bench) -> None:
    chain = bench.chain(*TWO)
    bench.receive(chain)

    def delete(_: str) -> None:
        for uuid in reversed(chain.uuids):
            if uuid in bench.names():
                bench.pool.delete(uuid)

    from_files(bench, chain, options(bench, delete))
    assert bench.names() == {chain.uuids[0]}
    assert bench.root(chain.uuids[0]) == {"etc/a": b"a"}
    assert InstallBegins in kinds(bench.events)


def test_base_that_is_not_installed(bench: Bench) -> None:
    chain = bench.chain(*TWO)
    paths = (bench.sources / "it.imgmanifest", bench.sources / "it.file")
    paths[0].write_text(json.dumps(chain.manifests[1].raw))
    paths[1].write_bytes(chain.blobs[1])
    with pytest.raises(OriginNotInstalledError):
        install_image(bench.pool, *paths, options(bench), bench.events.append)
    assert bench.names() == set()


def test_locks_are_taken_from_the_child_to_the_base(bench: Bench) -> None:
    chain = bench.chain(*TWO, {"etc/c": b"c"})
    bench.receive(Chain(bench.sources, TWO[:1]))
    offered = {m.uuid: {**m.raw, "state": "active", "files": []} for m in chain.manifests}
    source = Canned("http://some.server", offered.get)
    locked: list[str] = []
    with pytest.raises(ImgadmError, match="has no file"):
        import_image(
            bench.pool,
            lambda: [source],
            chain.uuids[2],
            options(bench, locked.append),
            bench.events.append,
        )
    assert locked == list(reversed(chain.uuids))
