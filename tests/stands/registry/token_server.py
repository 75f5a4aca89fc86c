"""A server that gives tokens for a registry, by the protocol of the registry."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ISSUER, SERVICE = "test-issuer", "test-registry"


@dataclass
class Asked:
    """A request for a token: method, parameters, and the header that came along."""

    method: str
    parameters: dict[str, list[str]]
    authorization: str


@dataclass
class Rules:
    """How tokens are given; a test may change them while the server runs.

    ``users`` are names with passwords; None lets anybody read. Tokens are good for ``seconds``, and
    said to be good for ``promised``. ``answer_name`` is what an answer calls its token.
    """

    users: dict[str, str] | None = None
    identity_tokens: set[str] = field(default_factory=set)
    takes_post: bool = True
    seconds: float = 300
    promised: int | None = 300
    answer_name: str = "token"


class TokenServer(ThreadingHTTPServer):
    """Signs tokens with the key beside ``certificate``, which the registry trusts."""

    daemon_threads = True

    def __init__(self, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.certificate = certificate
        self.key = certificate.with_name("tls.key")
        self.rules = Rules()
        self.asked: list[Asked] = []
        self.url = f"http://127.0.0.1:{self.server_port}/token"
        self._thread = threading.Thread(target=lambda: self.serve_forever(0.02))
        self._thread.start()

    @property
    def registry_settings(self) -> dict[str, Any]:
        """The section ``auth`` of a registry that takes these tokens."""
        token = {"realm": self.url, "service": SERVICE, "issuer": ISSUER}
        return {"token": {**token, "rootcertbundle": str(self.certificate)}}

    def sign(self, scopes: list[str], user: str) -> str:
        """A token in the form of RFC 7519 that grants ``scopes``."""
        now = int(time.time())
        lines = self.certificate.read_text().split("-----")[2]
        header = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(lines.split())]}
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        claims = {
            "iss": ISSUER,
            "aud": SERVICE,
            "sub": user,
            "iat": now,
            "nbf": now - 5,
            "exp": now + self.rules.seconds,
            "jti": f"{time.monotonic_ns()}",
            "access": access,
        }
        signed = b".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(self.key)],
            input=signed,
            capture_output=True,
            check=True,
        )
        return b".".join((signed, _base64(signature.stdout))).decode()

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: TokenServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parameters = parse_qs(urlsplit(self.path).query)
        self._note(parameters)
        rules = self.server.rules
        user, _, password = self._basic().partition(":")
        anybody = rules.users is None and not user
        identified = user == "<token>" and password in rules.identity_tokens
        if anybody or identified or (rules.users or {}).get(user) == password:
            self._grant(parameters, user)
        else:
            self._answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "who is that?"}]})

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        parameters = parse_qs(self.rfile.read(length).decode())
        self._note(parameters)
        if not self.server.rules.takes_post:
            self._answer(405, {})
        elif parameters["refresh_token"][0] in self.server.rules.identity_tokens:
            self._grant(parameters, "somebody")
        else:
            self._answer(401, {"error": "invalid_grant"})

    def _note(self, parameters: dict[str, list[str]]) -> None:
        authorization = self.headers.get("Authorization", "")
        self.server.asked.append(Asked(self.command, parameters, authorization))

    def _basic(self) -> str:
        encoded = self.headers.get("Authorization", "").removeprefix("Basic ")
        return base64.b64decode(encoded).decode()

    def _grant(self, parameters: dict[str, list[str]], user: str) -> None:
        rules = self.server.rules
        scopes = [scope for given in parameters.get("scope", []) for scope in given.split()]
        answer: dict[str, Any] = {rules.answer_name: self.server.sign(scopes, user)}
        if rules.promised is not None:
            answer["expires_in"] = rules.promised
        self._answer(200, answer)

    def _answer(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
