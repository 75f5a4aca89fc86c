"""Many, slow and silent clients: the server still answers every client that sends a request."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from imgadm.serve import FolderCatalogue, ImageServer
from imgadm.serve.http import connections, pace
from imgadm.serve.http.connections import Connections, ServedConnection
from imgadm.serve.http.pace import Pace

from .conftest import UUID

HEAD = b"GET /ping HTTP/1.1\r\nHost: localhost\r\n"
FILE = f"GET /images/{UUID}/file HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
LIMIT = 4


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(folder: Path) -> Iterator[ImageServer]:
    with ImageServer(FolderCatalogue(folder), port=0, max_connections=LIMIT) as running:
        yield running


@contextlib.contextmanager
def crowd(server: ImageServer, said: bytes, count: int = LIMIT) -> Iterator[list[socket.socket]]:
    """So many clients that have said something."""
    with contextlib.ExitStack() as stack:
        address = (server.host, server.port)
        made = [
            stack.enter_context(socket.create_connection(address, timeout=30)) for _ in range(count)
        ]
        for connection in made:
            connection.sendall(said)
        yield made


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"G",
        HEAD + b"X: ",
        HEAD + b"\r\n",
        HEAD.replace(b"GET", b"POST") + b"Content-Length: 99999\r\n\r\n",
    ],
    ids=["silent", "a byte", "half a head", "idle after an answer", "half a body"],
)
def test_clients_that_hang_make_room(server: ImageServer, said: bytes) -> None:
    with crowd(server, said):
        for _ in range(3):
            assert requests.get(server.url + "/ping", timeout=30).status_code == 200


def test_clients_that_drip_make_room(server: ImageServer) -> None:
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while not stop.wait(0.01):
                connection.sendall(b"x")

    with crowd(server, HEAD + b"X: ") as made:
        dripping = [threading.Thread(target=drip, args=(one,)) for one in made]
        for thread in dripping:
            thread.start()
        assert requests.get(server.url + "/ping", timeout=30).status_code == 200
        stop.set()
        for thread in dripping:
            thread.join()


def test_clients_that_read_nothing_make_room(
    folder: Path, server: ImageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SLOW_CLIENT_SECONDS", 0.2)
    (folder / "foo.zvol").write_bytes(bytes(64 << 20))
    with crowd(server, FILE):
        assert requests.get(server.url + "/ping", timeout=30).status_code == 200


def test_clients_that_are_served_are_left_alone(
    folder: Path, server: ImageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "SETTLING_SECONDS", 0.0)
    (folder / "foo.zvol").write_bytes(bytes(64 << 20))
    with crowd(server, FILE, LIMIT - 1) as readers:
        received = [len(reader.recv(1)) for reader in readers]
        for _ in range(5):
            assert requests.get(server.url + "/ping", timeout=30).status_code == 200
        for number, reader in enumerate(readers):
            while received[number] < 64 << 20 and (data := reader.recv(1 << 20)):
                received[number] += len(data)
        assert min(received) >= 64 << 20


def test_head_has_a_deadline(folder: Path) -> None:
    with (
        ImageServer(FolderCatalogue(folder), port=0, head_timeout=0.3) as server,
        socket.create_connection((server.host, server.port), timeout=30) as connection,
    ):
        received = b""
        connection.sendall(HEAD + b"X: ")
        connection.settimeout(0.02)
        while not received:
            with contextlib.suppress(TimeoutError):
                received = connection.recv(100)
            with contextlib.suppress(OSError):
                connection.sendall(b"x")
        assert received.startswith(b"HTTP/1.1 408 ")


SHORT_OF_DESCRIPTORS = """
import os, resource, sys
from pathlib import Path
from imgadm.serve import FolderCatalogue, ImageServer

server = ImageServer(FolderCatalogue(Path(sys.argv[1])), port=0)
accepted = 0
listener = server._server._listener
class Counting:
    def accept(self):
        global accepted
        accepted += 1
        return listener.accept()
    def __getattr__(self, name):
        return getattr(listener, name)
server._server._listener = Counting()
with server:
    free = os.dup(0)
    os.close(free)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    print(server.url, flush=True)
    sys.stdin.readline()
    tries = accepted
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(tries, flush=True)
    sys.stdin.readline()
"""


def test_shortage_of_descriptors_neither_ends_nor_busies_the_server(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SHORT_OF_DESCRIPTORS, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with pytest.raises(requests.Timeout):
            requests.get(url + "/ping", timeout=1)
        process.stdin.write("\n")
        process.stdin.flush()
        assert 1 <= int(process.stdout.readline()) < 1000
        assert requests.get(url + "/ping", timeout=30).status_code == 200
        process.communicate("\n", 30)


def served(clock: Clock, address: str) -> ServedConnection:
    mine, other = socket.socketpair()
    other.close()
    return ServedConnection(mine, address, 60, clock)


@pytest.fixture
def held(clock: Clock) -> Iterator[Connections]:
    """Three connections of one client, one of another, one of a program on this host."""
    made = Connections(5, 3)
    addresses = ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.2", "127.0.0.1")
    for address in addresses:
        clock.now += 1
        made.add(served(clock, address), threading.Thread())
    yield made
    for one in made.all():
        one.connection.close()


def addresses(held: Connections) -> list[str]:
    return [one.address for one in held.all()]


def test_client_with_most_connections_makes_room_first(held: Connections, clock: Clock) -> None:
    clock.now += 1
    with contextlib.ExitStack() as stack:
        for one in held.all():
            stack.callback(one.connection.close)
        assert held.has_room()
        assert addresses(held) == ["::ffff:192.0.2.1", "192.0.2.1", "192.0.2.2", "127.0.0.1"]


def test_client_that_has_enough_makes_room_for_itself(held: Connections, clock: Clock) -> None:
    clock.now += 1
    everyone = held.all()
    client = next(iter(everyone)).client
    assert held.has_room_for(client)
    assert len(held.all()) == 4
    for one in held.all():
        if one.client == client:
            one.is_answering()
    assert held.has_room_for(client)  # it has two by now
    assert len(held.all()) == 4
    for one in everyone:
        one.connection.close()


def test_connections_that_are_answered_make_room_only_if_they_are_slow(
    held: Connections, clock: Clock
) -> None:
    clock.now += 1
    slow, *rest = held.all()
    for one in (slow, *rest):
        one.is_answering()
    assert not held.has_room()

    def little() -> int:
        clock.now += 6
        return 100

    slow.pace.wait(little)
    assert held.has_room()
    assert slow not in held.all()
    slow.connection.close()


def test_new_connections_have_a_moment_to_speak(held: Connections, clock: Clock) -> None:
    for one in held.all():
        one.awaits_request()
    assert not held.has_room()


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", ""),
        ("127.9.9.9", ""),
        ("::1", ""),
        ("::ffff:127.0.0.1", ""),
    ],
)
def test_clients(clock: Clock, address: str, client: str) -> None:
    one = served(clock, address)
    one.connection.close()
    assert one.client == client


@pytest.mark.parametrize(
    ("size", "seconds", "slow", "lives"),
    [
        (100_000, 1.0, False, True),  # an upload of hours over a slow line
        (512_000, 50.0, False, True),  # in bursts
        (9_000, 1.0, False, True),
        (1_000, 1.0, True, True),
        (1, 1.0, True, False),
        (1, 59.0, True, False),
    ],
)
def test_pace(clock: Clock, size: int, seconds: float, slow: bool, lives: bool) -> None:
    one = Pace(60, clock)

    def move() -> int:
        clock.now += seconds
        return size

    survived = True
    try:
        for _ in range(4 * 3600):
            one.wait(move)
    except TimeoutError:
        survived = False
    assert (one.is_slow(), survived) == (slow, lives)


def test_only_the_time_spent_waiting_for_the_client_counts(clock: Clock) -> None:
    one = Pace(60, clock)
    for _ in range(100):
        one.wait(lambda: 10)
        clock.now += 3600
    assert not one.is_slow()


def test_client_that_is_waited_for_is_slow_before_it_moves(clock: Clock) -> None:
    one = Pace(60, clock)

    def look() -> int:
        assert not one.is_slow()
        clock.now += 6
        assert one.is_slow()
        return 1 << 30

    one.wait(look)
    assert not one.is_slow()
