"""Many images, looked up in sources that answer, fail, or are gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from imgadm.base.errors import ConfigError
from imgadm.operations.upkeep import image_lookup
from imgadm.operations.upkeep.image_lookup import look_up_images
from imgadm.sources import SourceError, UnreachableError
from tests.unit.canned_source import Canned, manifest_of

UUIDS = [f"aaaaaaaa-0000-4000-8000-{number:012}" for number in range(20)]
GONE = UnreachableError("http://gone", "connect ECONNREFUSED", code="ECONNREFUSED")


def raising(error: Exception) -> Callable[[str], dict[str, Any] | None]:
    def answer(uuid: str) -> dict[str, Any] | None:
        raise error

    return answer


def test_answers_come_in_order_while_others_are_asked_for() -> None:
    last_is_asked_for = threading.Event()

    def answer(uuid: str) -> dict[str, Any]:
        if uuid == UUIDS[1]:
            assert last_is_asked_for.wait(60)
        if uuid == UUIDS[image_lookup._AT_ONCE]:
            last_is_asked_for.set()
        return manifest_of(uuid)

    answers = look_up_images([Canned("http://all", answer)], UUIDS)
    assert [one.found and one.found.image.uuid for one in answers] == UUIDS


def test_no_more_images_are_asked_for_at_once_than_said() -> None:
    source = Canned("http://all", manifest_of)
    answers = look_up_images([source], UUIDS)
    next(answers)
    assert source.asked == UUIDS[:1]
    next(answers)
    assert len(source.asked) <= 1 + image_lookup._AT_ONCE


def test_each_source_is_asked_until_one_has_the_image() -> None:
    empty = Canned("http://empty", lambda uuid: None)
    half = Canned("http://half", lambda uuid: manifest_of(uuid) if uuid == UUIDS[0] else None)
    rest = Canned("http://rest", manifest_of)
    answers = list(look_up_images([empty, half, rest], UUIDS[:2]))
    assert [one.found and one.found.source for one in answers] == [half, rest]
    assert (sorted(empty.asked), sorted(half.asked)) == (UUIDS[:2], UUIDS[:2])
    assert rest.asked == [UUIDS[1]]


def test_a_source_that_cannot_be_reached_is_asked_once() -> None:
    gone, rest = Canned("http://gone", raising(GONE)), Canned("http://rest", manifest_of)
    answers = list(look_up_images([gone, rest], UUIDS))
    assert gone.asked == UUIDS[:1]
    assert sorted(rest.asked) == UUIDS
    assert [one.failures for one in answers] == [[GONE]] * len(UUIDS)


def test_a_source_that_fails_with_one_image_is_asked_for_the_next() -> None:
    broken = SourceError("http://sad", "server is sad", code="InternalError")
    sad = Canned("http://sad", raising(broken))
    answers = list(look_up_images([sad], UUIDS[:3]))
    assert sorted(sad.asked) == UUIDS[:3]
    assert [(one.found, one.failures) for one in answers] == [(None, [broken])] * 3


def test_a_manifest_that_makes_no_sense_is_a_failure_of_its_source() -> None:
    bad = Canned("http://bad", lambda uuid: {**manifest_of(uuid), "version": []})
    good = Canned("http://good", manifest_of)
    (answer,) = look_up_images([bad, good], UUIDS[:1])
    assert answer.found is not None
    assert answer.found.source is good
    (failure,) = answer.failures
    assert failure.code == "InvalidManifest"
    assert failure.message == (
        f'http://bad: image {UUIDS[0]}: manifest is invalid: "version" is not a string: []'
    )


def test_a_client_that_cannot_be_made_ends_it_all() -> None:
    broken = Canned("http://any", raising(ConfigError("no such file of certificates")))
    with pytest.raises(ConfigError):
        list(look_up_images([broken], UUIDS))
