"""Chains of origins that no honest source has."""

from __future__ import annotations

from .conftest import Serve
from .host import Host
from .images import Image, chain_of_three, sample_image, small_image, uuid_of

DEEPEST = 100


def test_loop_of_three(host: Host, serve: Serve) -> None:
    base, middle, top = chain_of_three()
    server = serve(base.having(origin=top.uuid), middle, top)
    for image in (base, middle, top):
        done = host.run("import", "-S", server.url, image.uuid)
        assert (done.status, done.error()[0]) == (1, "InvalidManifest")
        assert f"the origins of image {image.uuid} form a loop" in done.error()[1]
        host.assert_tidy()


def endless(length: int) -> list[Image]:
    """So many images, each with the next one as its origin; the last one's is not there."""
    return [
        small_image().having(uuid=uuid_of(f"deep-{i}"), origin=uuid_of(f"deep-{i + 1}"))
        for i in range(length)
    ]


def test_chain_that_is_too_long(host: Host, serve: Serve) -> None:
    chain = endless(DEEPEST + 50)
    server = serve(*chain)
    done = host.run("import", "-S", server.url, chain[0].uuid)
    assert (done.status, done.error()[0]) == (1, "InvalidManifest")
    assert f"image {chain[0].uuid} has more than {DEEPEST - 1} ancestors" in done.error()[1]
    assert len(server.requests) == DEEPEST
    host.assert_tidy()


def test_chain_that_breaks_in_the_middle_keeps_what_is_whole(host: Host, serve: Serve) -> None:
    base, middle, top = chain_of_three()
    broken = middle.promising(sha1="0" * 40)
    done = host.run("import", "-S", serve(base, broken, top).url, top.uuid)
    assert (done.status, done.error()[0]) == (1, "DownloadError")
    host.assert_tidy(base.uuid)
    again = serve(base, middle, top)
    assert host.run("import", "-S", again.url, top.uuid).status == 0
    assert f"/images/{base.uuid}/file" not in again.requests
    host.assert_tidy(base.uuid, middle.uuid, top.uuid)


def test_whole_chain_is_looked_up_before_a_byte_moves(host: Host, serve: Serve) -> None:
    child = sample_image("zvol-incr", origin=sample_image("zvol-full"))
    top = sample_image("zvol-incr2", origin=child)
    server = serve(child, top)
    done = host.run("import", "-S", server.url, top.uuid)
    code, message = done.error()
    assert (done.status, code) == (1, "OriginNotFoundInSource")
    assert message == (
        f'origin image "{child.manifest["origin"]}" does not exist in image source "{server.url}"'
    )
    assert not any(path.endswith("/file") for path in server.requests)
    host.assert_tidy()


def test_bad_member_is_found_before_a_byte_moves(host: Host, serve: Serve) -> None:
    base, middle, top = chain_of_three()
    server = serve(base, middle, top.having(files=[]))
    done = host.run("import", "-S", server.url, top.uuid)
    assert (done.status, done.error()[0]) == (1, "InvalidManifest")
    assert not any(path.endswith("/file") for path in server.requests)
    host.assert_tidy()


def test_ancestor_may_be_disabled(host: Host, serve: Serve) -> None:
    base, middle, top = chain_of_three()
    server = serve(base, middle.having(state="disabled", disabled=True), top)
    assert host.run("import", "-S", server.url, top.uuid).status == 0
    host.assert_tidy(base.uuid, middle.uuid, top.uuid)
