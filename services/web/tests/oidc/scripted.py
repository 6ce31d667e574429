"""A provider of our own that keeps to the protocol, or breaks it in one way."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

CLIENT_ID = "h client"
CLIENT_SECRET = "a secret: with % and +"
Claims = dict[str, Any]


@dataclass
class Key:
    """A private key of the provider."""

    private: Any
    algorithm: str
    kid: str

    @classmethod
    def rsa(cls, kid: str, algorithm: str = "RS256") -> "Key":
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=2048), algorithm, kid)

    @classmethod
    def ec(cls, kid: str) -> "Key":
        return cls(ec.generate_private_key(ec.SECP256R1()), "ES256", kid)

    @classmethod
    def edwards(cls, kid: str) -> "Key":
        return cls(ed25519.Ed25519PrivateKey.generate(), "EdDSA", kid)

    def jwk(self) -> dict[str, Any]:
        kind: Any = {"ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}.get(self.algorithm, RSAAlgorithm)
        return json.loads(kind.to_jwk(self.private.public_key())) | {"kid": self.kid, "use": "sig"}


@dataclass
class Scripted:
    """The provider; tests change what it says.

    Attributes:
        says: Claims about whoever logs in, over those that the protocol asks for; a claim of None is left out.
        userinfo: What the userinfo endpoint says.
        metadata: Over what the discovery document says.
        keys: What it publishes; the first one signs.
        make_token: Makes the ID token of the claims.
        answers: By path, instead of the true answer: status and body, or what to do with the connection.
        asked: Paths that it was asked for, in order.
    """

    url: str
    key: Key
    clock: Callable[[], float]
    says: Claims = field(default_factory=lambda: {"sub": "248289761001"})
    userinfo: Claims = field(default_factory=dict)
    metadata: Claims = field(default_factory=dict)
    keys: list[Key] = field(default_factory=list)
    make_token: Callable[[Claims], str] | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def log_in(self, location: str, **changes: str) -> str:
        """Return where the provider leads a browser that came to `location` and logged in."""
        asked = dict(parse_qsl(urlsplit(location).query))
        assert location.startswith(self.url + "/authorize?")
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe()
        self._codes[code] = asked
        target = urlsplit(asked["redirect_uri"])
        return f"{target.path}?{urlencode({'code': code, 'state': asked['state']} | changes)}"

    def answer(self, method: str, path: str, headers: Any, body: str) -> tuple[int, Any]:
        """Return what the true provider would."""
        match method, path:
            case "GET", "/.well-known/openid-configuration":
                return 200, self._discovery() | self.metadata
            case "GET", "/keys":
                return 200, {"keys": [key.jwk() for key in self.keys or [self.key]]}
            case "GET", "/userinfo":
                assert headers["authorization"] == "Bearer an-access-token"
                return 200, {"sub": self.says["sub"]} | self.userinfo
            case "POST", "/token":
                return self._token(headers, {name: values[0] for name, values in parse_qs(body).items()})
        return 404, {}

    def token(self, claims: Claims, **changes: Any) -> str:
        """Sign an ID token, by `key` unless told otherwise."""
        key = changes.get("key", (self.keys or [self.key])[0])
        return jwt.encode(
            claims, key.private, algorithm=changes.get("algorithm", key.algorithm), headers={"kid": key.kid}
        )

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": self.url + "/authorize",
            "token_endpoint": self.url + "/token",
            "jwks_uri": self.url + "/keys",
            "userinfo_endpoint": self.url + "/userinfo",
        }

    def _token(self, headers: Any, form: dict[str, str]) -> tuple[int, Any]:
        asked = self._codes.pop(form["code"], None)
        basic = headers.get("authorization")
        if basic:
            pair = base64.b64decode(basic.removeprefix("Basic ")).decode().split(":")
            client = (unquote_plus(pair[0]), unquote_plus(pair[1]))
        else:
            client = (form.get("client_id", ""), form.get("client_secret", ""))
        self.credentials.append("basic" if basic else "post")
        if client != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        if asked is None or challenge.rstrip(b"=").decode() != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        assert form["redirect_uri"] == asked["redirect_uri"]
        now = int(self.clock())
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"]} | self.says
        claims = {name: value for name, value in claims.items() if value is not None}
        token = (self.make_token or self.token)(claims)
        return 200, {"token_type": "Bearer", "access_token": "an-access-token", "id_token": token}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    scripted: ClassVar[Scripted]

    def do_GET(self) -> None:
        self._serve("GET", "")

    def do_POST(self) -> None:
        self._serve("POST", self.rfile.read(int(self.headers["content-length"])).decode())

    def _serve(self, method: str, body: str) -> None:
        path = urlsplit(self.path).path
        self.scripted.asked.append(path)
        said = self.scripted.answers.get(path)
        if callable(said):
            self.close_connection = True
            said(self)
            return
        status, value = said or self.scripted.answer(method, path, self.headers, body)
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
        pass


@contextmanager
def serving(*, key: Key, clock: Callable[[], float]) -> Iterator[Scripted]:
    """Run the provider on a port of this machine."""

    class Handler(_Handler):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Handler.scripted = Scripted(url=f"http://127.0.0.1:{server.server_port}", key=key, clock=clock)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Handler.scripted
        finally:
            server.shutdown()
            thread.join()


def silent(handler: BaseHTTPRequestHandler) -> None:
    """Say nothing until the other side goes."""
    handler.connection.settimeout(10)
    handler.connection.recv(1)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """Say a byte now and then, without end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    try:
        for _ in range(1000):
            handler.wfile.write(b" ")
            time.sleep(0.01)
    except OSError:
        return
