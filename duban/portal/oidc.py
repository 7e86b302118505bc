"""The county's sign-in service: OpenID Connect, code flow with state, nonce and PKCE.

The only module that imports authlib (the optional extra ``duban[oidc]``). What must survive the way to the
service and back lies in a sealed cookie of ten minutes, not on the server. OpenID Connect Core 1.0 §3.1.3.7
says what is checked of an ID token; RFC 9700 asks for PKCE and exact redirect addresses.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import Any

from duban.errors import OutsideError, UsageError
from duban.sign_in_settings import Oidc

TIMEOUT_SECONDS = 10
KEPT = timedelta(hours=1)
"""How long what the service says of itself is believed."""
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures with the service's own key; never ``none``, never one that our secret could make."""
LEEWAY_SECONDS = 60


class Unproved(Exception):  # noqa: N818 - it is an answer, not a failure
    """What came back does not prove who it is; the text is for the log, not for the visitor."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What the service says of itself, and when we heard it."""

    authorize: str
    token: str
    keys: str
    heard_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """What we asked with: must come back unchanged, or prove itself."""

    state: str
    nonce: str
    verifier: str
    to: str = ""


_HEARD: dict[str, Provider] = {}


def need_extra() -> None:
    """Raises UsageError where the extra is not installed."""
    if find_spec("authlib") is None:
        raise UsageError(
            "config/duban.yaml 设了统一身份认证（oidc），但没有安装它要的组件。",
            "运行 pip install 'duban[oidc]'，或删去 oidc 一段。",
        )


def provider(oidc: Oidc, now: datetime) -> Provider:
    """What the service says of itself. Raises OutsideError when it does not answer or is another."""
    known = _HEARD.get(oidc.issuer)
    if known is not None and timedelta() <= now - known.heard_at < KEPT:
        return known
    said = _get(f"{oidc.issuer}/.well-known/openid-configuration")
    if said.get("issuer", "").rstrip("/") != oidc.issuer:
        raise OutsideError(
            "统一认证服务自报的 issuer 与设置不一致。", "核对 config/duban.yaml 的 issuer。"
        )
    found = Provider(
        str(said["authorization_endpoint"]), str(said["token_endpoint"]), str(said["jwks_uri"]), now
    )
    _HEARD[oidc.issuer] = found
    return found


def _get(address: str) -> dict[str, Any]:
    import requests

    try:
        reply = requests.get(address, timeout=TIMEOUT_SECONDS, allow_redirects=False)
        reply.raise_for_status()
        found = reply.json()
        if reply.is_redirect or not isinstance(found, dict):
            raise _silent()
    except (requests.RequestException, ValueError) as problem:
        raise _silent() from problem
    return found


def _silent() -> OutsideError:
    return OutsideError("统一认证服务没有正常应答。", "稍后再试；急用时用本系统的账号口令登录。")


def _client(oidc: Oidc, back: str) -> Any:
    from authlib.integrations.requests_client import OAuth2Session

    return OAuth2Session(
        oidc.client_id,
        oidc.secret(),
        scope="openid profile",
        redirect_uri=back,
        code_challenge_method="S256",
        default_timeout=TIMEOUT_SECONDS,
    )


def ask(oidc: Oidc, service: Provider, back: str, to: str) -> tuple[str, Asked]:
    """Where to send the visitor, and what to remember until they are back."""
    asked = Asked(
        secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), to
    )
    with _client(oidc, back) as client:
        address, _ = client.create_authorization_url(
            service.authorize,
            state=asked.state,
            nonce=asked.nonce,
            code_verifier=asked.verifier,
        )
    return str(address), asked


def who_came_back(
    oidc: Oidc, service: Provider, asked: Asked, *, back: str, code: str, now: datetime
) -> str:
    """The claim that names the account. Raises Unproved, or OutsideError when the service is silent."""
    import requests
    from authlib.common.errors import AuthlibBaseError

    try:
        with _client(oidc, back) as client:
            token = client.fetch_token(service.token, code=code, code_verifier=asked.verifier)
    except AuthlibBaseError as problem:
        raise Unproved(str(problem)) from problem
    except (requests.RequestException, ValueError) as problem:
        raise _silent() from problem
    claims = _proved(oidc, service, asked, token, now)
    return str(claims.get(oidc.name_claim) or "")


def _proved(
    oidc: Oidc, service: Provider, asked: Asked, token: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """The claims of an ID token whose signature, issuer, audience, times and nonce all fit."""
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    keys: Any = _get(service.keys)
    try:
        read = jwt.decode(
            str(token.get("id_token", "")), KeySet.import_key_set(keys), algorithms=ALGORITHMS
        )
        claims = CodeIDToken(
            read.claims,
            read.header,
            options={
                "iss": {"essential": True, "value": oidc.issuer},
                "aud": {"essential": True, "value": oidc.client_id},
            },
            params={
                "nonce": asked.nonce,
                "client_id": oidc.client_id,
                "access_token": token.get("access_token"),
            },
        )
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY_SECONDS)
    except (JoseError, ValueError, KeyError) as problem:
        raise Unproved(f"{type(problem).__name__}: {problem}") from problem
    return dict(claims)
