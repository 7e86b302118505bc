"""A sign-in service on loopback with a key of its own: speaks OpenID Connect, and can be made to lie."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT = "duban"
SECRET = "the-client-secret"


@dataclass
class Issuer:
    """What the service knows and how it lies. ``claims``: laid over the true ones."""

    now: int
    port: int = 0
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))
    shown: RSAKey | None = None  # the key it publishes, when it is another
    user: str = "zhang.san"
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "k1"})
    asked: dict[str, dict[str, str]] = field(default_factory=dict)  # code -> the request
    problems: list[str] = field(default_factory=list)
    own_name: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def approve(self, address: str) -> str:
        """What happens in the visitor's browser at the service: the address it is sent back to."""
        parts = urlsplit(address)
        wanted = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert parts.path == "/authorize"
        assert wanted["response_type"] == "code"
        assert wanted["code_challenge_method"] == "S256"
        assert wanted["redirect_uri"] == "http://testserver/office/oidc/back"
        code = f"code-{len(self.asked)}"
        self.asked[code] = wanted
        return f"/office/oidc/back?code={code}&state={wanted['state']}"

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.own_name or self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }

    def keys(self) -> dict[str, Any]:
        return {"keys": [(self.shown or self.key).as_dict(private=False, alg="RS256", use="sig")]}

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """One token for one code, for the client that proves itself and the browser that asked."""
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        wanted = self.asked.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        good = (
            wanted is not None
            and authorization == expected
            and wanted["code_challenge"] == challenge
            and form.get("redirect_uri") == wanted["redirect_uri"]
        )
        if not good or wanted is None:
            self.problems.append("invalid_grant")
            return 400, {"error": "invalid_grant"}
        claims = {
            "iss": self.url, "aud": CLIENT, "sub": "1", "preferred_username": self.user,
            "iat": self.now, "exp": self.now + 300, "nonce": wanted["nonce"],
        } | self.claims  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        return 200, {
            "access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": self.sign(claims),
        }  # fmt: skip

    def sign(self, claims: dict[str, Any]) -> str:
        if self.header["alg"] == "none":
            parts = [json.dumps(each).encode() for each in (self.header, claims)]
            return ".".join(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts) + "."
        if self.header["alg"] == "HS256":
            key = OctKey.import_key(SECRET.ljust(32, "x"))
            return jwt.encode(self.header, claims, key, algorithms=["HS256"])
        return jwt.encode(self.header, claims, self.key)


@contextmanager
def issuer(now: int) -> Iterator[Issuer]:
    """A service that answers until the block ends."""
    service = Issuer(now)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = {
                "/.well-known/openid-configuration": service.discovery,
                "/keys": service.keys,
            }
            found = known.get(self.path)
            self._answer(200 if found else 404, found() if found else {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*service.token(form, self.headers.get("Authorization", "")))

        def _answer(self, status: int, said: dict[str, Any]) -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
