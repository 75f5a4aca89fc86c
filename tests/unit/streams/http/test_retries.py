"""When a failed request is made again, and how long a server may ask us to wait."""

from __future__ import annotations

import pytest

from imgadm.streams.http.retries import RetryPolicy, retry_after


def pauses(policy: RetryPolicy, *asked: float, elapsed: float = 0.0) -> list[float]:
    """The waits until the policy gives up, or until ``asked`` is used up."""
    waits = []
    for seconds in asked:
        following = policy.after_failure(asked=seconds, elapsed=elapsed)
        if following is None:
            break
        policy = following
        waits.append(policy.pause)
    return waits


def test_one_attempt_for_each_delay() -> None:
    policy = RetryPolicy((1.0, 2.0))
    assert pauses(policy, 0, 0, 0) == [1, 2]
    assert policy == RetryPolicy((1.0, 2.0)), "a policy is not used up"
    assert pauses(RetryPolicy(()), 0) == []


def test_a_server_may_ask_for_more_within_reason() -> None:
    policy = RetryPolicy((1.0, 2.0, 4.0), longest_wait=10)
    assert pauses(policy, 5, 1, 10) == [5, 2, 10]
    assert pauses(policy, 0, 11) == [1]


def test_waits_that_servers_asked_for_do_not_count() -> None:
    policy = RetryPolicy((1.0,) * 9, seconds=15)
    assert policy.after_failure(elapsed=15.1) is None
    granted = policy.after_failure(asked=30, elapsed=1)
    assert granted is not None
    assert granted.after_failure(elapsed=44) is not None
    assert granted.after_failure(elapsed=46) is None


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("17", 17),
        ("0", 0),
        ("", 0),
        ("-5", 0),
        ("soon", 0),
        ("9" * 400, 999999999),
        ("Wed, 25 Nov 2026 12:00:20 GMT", 20),
        ("Wed, 25 Nov 2026 11:00:00 GMT", 0),
        ("Wed, 25 Nov 2026 12:00:20", 20),
        ("Wednesday, 25-Nov-26 12:00:20 GMT", 20),
        ("Wed Nov 25 12:00:20 2026", 20),
        ("Mon, 01 Jan 99999 00:00:00 GMT", 0),
        ("Wed, 25 Nov 2026 12:00:20 +9999999999", 0),
        ("1e9", 0),
        ("1.5", 0),
        ("\u0663", 0),
        ("99:99:99", 0),
    ],
)
def test_how_long_a_server_asks_us_to_wait(given: str, seconds: float) -> None:
    headers = {"retry-after": given, "date": "Wed, 25 Nov 2026 12:00:00 GMT"}
    assert retry_after(headers) == seconds
